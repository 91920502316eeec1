"""When a key ends, its rotation and its last use; and how much of a widget token one visitor has."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import openai
import pytest
from click.testing import CliRunner
from openai import OpenAI

from api.app import create_app
from api.command.cli import askpolicy
from api.guard.keys import Key, KeysError, Scope, Secret, add_key, read_keys, rotate_key
from api.settings import BadSetting, Settings
from qa.assistant import Assistant
from tests.api_support import ACQUISITION, asked, bearer, client, problem, tiny_index
from tests.tiny import TinyEmbedder

SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    return Assistant(tiny_index(tmp_path_factory.mktemp("index")), TinyEmbedder())


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


# An end, a rotation, the last use


def test_an_expired_key_is_told_since_when(assistant: Assistant, keys: Path) -> None:
    since = datetime(2026, 1, 31, 12, tzinfo=UTC)
    secret = add_key(keys, "old", expires_at=since)
    token = add_key(keys, "page", origins=[SHOP], expires_at=since)
    with client(assistant, keys=keys) as asking:
        response = asked(asking, secret, ACQUISITION)
        assert problem(response) == (401, "/problems/key-expired")
        assert "2026-01-31 12:00 UTC" in response.json()["detail"]
        assert response.headers["www-authenticate"] == "Bearer"
        # the page that brings it can read why
        refused = asking.get("/v1/companies", headers=bearer(token, Origin=SHOP))
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, SHOP)
        with pytest.raises(openai.AuthenticationError, match="2026-01-31"):
            OpenAI(base_url=f"{asking.base_url}/v1", api_key=secret, max_retries=0).models.list()
    with pytest.raises(BadSetting, match="page, which has expired"):
        create_app(assistant, Settings(keys=keys, page_token=token))


def test_a_key_ends_while_the_service_runs(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "brief", expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    with client(assistant, keys=keys) as asking:
        assert asked(asking, secret, ACQUISITION).status_code == 200
        sleep(1.6)
        assert problem(asked(asking, secret, ACQUISITION)) == (401, "/problems/key-expired")


def test_both_secrets_work_until_the_overlap_ends(assistant: Assistant, keys: Path) -> None:
    old = add_key(keys, "one", companies=["jivochat.com"])
    with client(assistant, keys=keys) as asking:
        new = rotate_key(keys, "one", overlap=timedelta(seconds=4))
        until = monotonic() + 10
        while asked(asking, new, ACQUISITION).status_code == 401 and monotonic() < until:
            sleep(0.1)
        assert [len(asking.get("/v1/companies", headers=bearer(each)).json()["companies"]) for each in (old, new)] == [
            1,
            1,
        ]
        sleep(4)
        ended = asked(asking, old, ACQUISITION)
        assert problem(ended) == (401, "/problems/key-expired")
        assert "secret was exchanged" in ended.json()["detail"]
        assert asked(asking, new, ACQUISITION).status_code == 200


def test_a_rotation_keeps_the_scope_and_outlives_nothing(keys: Path) -> None:
    ends = datetime(2099, 1, 31, tzinfo=UTC)
    add_key(keys, "one", companies=["jivochat.com"], endpoints=["ask"], expires_at=ends)
    rotate_key(keys, "one", overlap=timedelta(days=100_000), expires_at=ends + timedelta(days=365))
    (key,) = read_keys(keys)
    assert key.scope == Scope((), ("jivochat.com",), ("ask",), ends + timedelta(days=365))
    # neither a long overlap nor the key's new end lets the old secret live on
    assert [secret.until for secret in key.secrets] == [None, ends]
    rotate_key(keys, "one", overlap=timedelta(0))
    assert len(read_keys(keys)[0].secrets) == 1


def test_an_expired_key_is_rotated_only_to_a_new_end(keys: Path) -> None:
    add_key(keys, "old", expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    with pytest.raises(KeysError, match="give a new end with --expires"):
        rotate_key(keys, "old", overlap=timedelta(days=7))
    ends = datetime(2099, 1, 1, tzinfo=UTC)
    rotate_key(keys, "old", overlap=timedelta(days=7), expires_at=ends)
    assert read_keys(keys)[0].scope.expires_at == ends
    assert len(read_keys(keys)[0].secrets) == 1


def test_a_file_of_format_1_is_read_and_written_as_2(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "shop", origins=[SHOP])
    (entry,) = json.loads(keys.read_text(encoding="utf-8"))["keys"]
    first = {"name": "shop", "sha256": entry["secrets"][0]["sha256"], "made_on": "2026-11-25", "origins": [SHOP]}
    keys.write_text(json.dumps({"format": 1, "keys": [first]}), encoding="utf-8")
    assert read_keys(keys) == (Key("shop", (Secret(first["sha256"]),), "2026-11-25", Scope((SHOP,))),)
    with client(assistant, keys=keys) as asking:
        assert asking.get("/v1/companies", headers=bearer(secret, Origin=SHOP)).status_code == 200
    add_key(keys, "other")
    assert json.loads(keys.read_text(encoding="utf-8"))["format"] == 2
    assert [key.name for key in read_keys(keys)] == ["shop", "other"]


def listed(keys: Path) -> list[dict[str, Any]]:
    done = CliRunner().invoke(askpolicy, ["keys", "list", "--json", "--keys", str(keys)])
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout))


def used(keys: Path) -> list[dict[str, Any]]:
    """What `keys list` tells once a use is told."""
    until = monotonic() + 10
    while not any(key["last_used_at"] for key in listed(keys)) and monotonic() < until:
        sleep(0.05)
    return listed(keys)


def test_the_last_use_is_told_of_each_secret_without_a_write_a_request(assistant: Assistant, keys: Path) -> None:
    old, _ = add_key(keys, "one"), add_key(keys, "never")
    new = rotate_key(keys, "one", overlap=timedelta(days=1))
    before = keys.read_bytes()
    with client(assistant, keys=keys) as asking:
        assert asked(asking, old, ACQUISITION).status_code == 200
        one, never = used(keys)
        assert never["last_used_at"] is None
        told = datetime.fromisoformat(one["last_used_at"])
        assert abs((datetime.now(UTC) - told).total_seconds()) < 60
        assert [bool(each["last_used_at"]) for each in one["secrets"]] == [False, True]
        (file,) = keys.with_name("keys.json.used").iterdir()
        os.utime(file, (1, 1))
        for _ in range(20):
            asked(asking, old, ACQUISITION)
        assert file.stat().st_mtime == 1
        assert asked(asking, new, ACQUISITION).status_code == 200
    assert keys.read_bytes() == before
    shown = CliRunner().invoke(askpolicy, ["keys", "list", "--keys", str(keys)]).stdout
    assert "never expires  last used 20" in shown
    assert "a secret before the last rotation works until" in shown
    assert not any(secret in shown + keys.read_text(encoding="utf-8") for secret in (old, new))


def test_a_refused_secret_is_not_used_and_a_removed_keys_use_is_forgotten(assistant: Assistant, keys: Path) -> None:
    expired = add_key(keys, "expired", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    good = add_key(keys, "good")
    with client(assistant, keys=keys) as asking:
        assert asked(asking, expired, ACQUISITION).status_code == 401
        assert asked(asking, good, ACQUISITION).status_code == 200
        assert [bool(key["last_used_at"]) for key in used(keys)] == [False, True]
    CliRunner().invoke(askpolicy, ["keys", "remove", "good", "--keys", str(keys)])
    assert list(keys.with_name("keys.json.used").iterdir()) == []


def test_where_the_last_use_cannot_be_kept_requests_are_answered(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "one")
    keys.with_name("keys.json.used").touch()  # no folder can be made of it
    with client(assistant, keys=keys) as asking:
        assert [asked(asking, secret, ACQUISITION).status_code for _ in range(2)] == [200, 200]
    assert listed(keys)[0]["last_used_at"] is None


def test_the_command_rotates_and_the_old_name_of_remove_still_works(keys: Path) -> None:
    add_key(keys, "one", expires_at=datetime(2099, 1, 1, tzinfo=UTC))
    done = CliRunner().invoke(
        askpolicy, ["keys", "rotate", "one", "--overlap", "12h", "--expires", "2098-01-31", "--keys", str(keys)]
    )
    assert done.stdout.startswith("askpolicy_")
    (key,) = read_keys(keys)
    assert key.scope.expires_at == datetime(2098, 2, 1, tzinfo=UTC)
    overlap = key.secrets[1].until - datetime.now(UTC)  # type: ignore[operator]
    assert timedelta(hours=11) < overlap <= timedelta(hours=12)
    assert CliRunner().invoke(askpolicy, ["keys", "revoke", "one", "--keys", str(keys)]).exit_code == 0
    assert read_keys(keys) == ()


# How much of a widget token one visitor has


def test_five_visitors_do_not_use_up_a_widget_token(assistant: Assistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    with client(assistant, keys=keys, proxies=("127.0.0.1",)) as asking:

        def status(address: str) -> int:
            headers = bearer(token, Origin=SHOP, **{"X-Forwarded-For": address})
            return asking.get("/v1/companies", headers=headers).status_code

        # until each is refused, but no more than their old shares, which were the whole
        counts = [sum(status(f"192.0.2.{n}") == 200 for _ in range(121)) for n in range(5)]
        assert [status(f"198.51.100.{n}") for n in range(20)] == [200] * 20
    assert all(0 < count <= 61 for count in counts)


def test_a_network_of_many_ipv6_addresses_is_no_crowd_of_visitors(assistant: Assistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    rates = {"rate_per_visitor": "2/hour", "rate_per_token": "100/hour"}
    with client(assistant, keys=keys, proxies=("127.0.0.1",), **rates) as asking:
        statuses = [
            asking.get("/v1/companies", headers=bearer(token, Origin=SHOP, **{"X-Forwarded-For": address})).status_code
            for address in (*(f"2001:db8:1:{n:x}::1" for n in range(30)), "2001:db8:2::1")
        ]
    assert statuses == [200] * 16 + [429] * 14 + [200]


def test_a_widget_token_as_a_whole_has_a_limit_too(assistant: Assistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    rates = {"rate_per_visitor": "0", "rate_per_token": "3/hour", "rate_per_key": "1/hour"}
    with client(assistant, keys=keys, **rates) as asking:
        responses = [asking.get("/v1/companies", headers=bearer(token, Origin=SHOP)) for _ in range(4)]
        assert [each.status_code for each in responses] == [200, 200, 200, 429]
        assert "this widget token has 3 per 1 hour" in responses[3].json()["detail"]


@pytest.mark.parametrize(("rate_per_token", "told"), [("600/minute", 1), ("1/second", 1), ("72000/hour", 0)])
def test_rates_that_let_few_visitors_use_up_a_token_are_told_at_start(
    assistant: Assistant, keys: Path, caplog: pytest.LogCaptureFixture, rate_per_token: str, told: int
) -> None:
    add_key(keys, "shop", origins=[SHOP])
    create_app(assistant, Settings(keys=keys, rate_per_visitor="60/minute", rate_per_token=rate_per_token))
    assert sum("few_visitors" in str(record.msg) for record in caplog.records) == told
