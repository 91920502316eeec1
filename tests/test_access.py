"""Who may ask: keys, widget tokens, origins, hosts and rates, over a real server; and the command that makes keys."""

import json
import os
import stat
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from api.app import create_app
from api.command.cli import askpolicy
from api.guard.keys import KeysError, add_key, read_keys, remove_key
from api.settings import BadSetting, Settings
from tests.api_support import ACQUISITION, FakeAssistant, client, problem, tiny_index

SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


def ask(client: httpx.Client, secret: str | None = None, **headers: str) -> httpx.Response:
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    return client.post("/v1/ask", json={"question": ACQUISITION}, headers=headers)


# Keys


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_with_keys_only_who_brings_one_is_answered(assistant: FakeAssistant, keys: Path) -> None:
    secrets = [add_key(keys, name) for name in ("one", "two")]
    with client(assistant, keys=keys) as asking:
        assert [ask(asking, secret).status_code for secret in secrets] == [200, 200]
        missing, unknown = ask(asking), ask(asking, secrets[0][:-1] + "~")
        assert (problem(missing), problem(unknown)) == (
            (401, "/problems/key-missing"),
            (401, "/problems/key-unknown"),
        )
        assert missing.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "askpolicy_x", "Bearer é", "Bearer " + "x" * 5_000])
def test_what_is_no_key_is_a_problem(assistant: FakeAssistant, keys: Path, header: str) -> None:
    add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        response = asking.get("/v1/companies", headers={"Authorization": header.encode()})
        assert problem(response)[0] == 401


def test_every_address_that_tells_of_policies_asks_for_a_key_and_the_others_do_not(
    assistant: FakeAssistant, keys: Path
) -> None:
    add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        statuses = {
            path: asking.get(path).status_code
            for path in (
                "/v1/companies",
                "/v1/policies/x",
                "/v1/ask",
                "/metrics",
                "/healthz",
                "/readyz",
                "/",
                "/widget.js",
            )
        }
    assert statuses == {
        "/v1/companies": 401,
        "/v1/policies/x": 401,
        "/v1/ask": 401,
        "/metrics": 401,
        "/healthz": 200,
        "/readyz": 200,
        "/": 200,
        "/widget.js": 200,
    }


def test_a_path_written_in_another_way_does_not_go_round_the_keys(assistant: FakeAssistant, keys: Path) -> None:
    add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        for path in (
            "//v1/companies",
            "/v1//companies",
            "/%76%31/companies",
            "/v1%2Fcompanies",
            "/V1/companies",
            "/./v1/companies",
            "/metrics%0a",
            "/metrics/",
            "/v1/companies%0a",
        ):
            assert asking.get(path).status_code in (401, 404), path


def test_a_running_service_takes_new_keys_and_drops_revoked_ones(assistant: FakeAssistant, keys: Path) -> None:
    add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        later = add_key(keys, "later")
        assert until_status(asking, later, 200) == 200
        remove_key(keys, "later")
        assert until_status(asking, later, 401) == 401


def until_status(asking: httpx.Client, secret: str, wanted: int) -> int:
    for _ in range(50):
        if ask(asking, secret).status_code == wanted:
            break
        time.sleep(0.1)
    return ask(asking, secret).status_code


def test_a_key_that_is_revoked_while_the_file_cannot_be_read_is_dropped_once_it_can(
    assistant: FakeAssistant, keys: Path
) -> None:
    one, two = add_key(keys, "one"), add_key(keys, "two")
    with client(assistant, keys=keys) as asking:
        remove_key(keys, "two")
        mended = keys.read_bytes()
        state = keys.stat()
        keys.write_bytes(b"{" * len(mended))
        time.sleep(1.2)
        assert ask(asking, two).status_code == 200
        keys.write_bytes(mended)
        os.utime(keys, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert until_status(asking, two, 401) == 401
        assert ask(asking, one).status_code == 200


def test_who_could_read_the_file_of_keys_still_can(keys: Path) -> None:
    add_key(keys, "one")
    keys.chmod(0o640)
    remove_key(keys, "one")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o640


def test_a_file_of_keys_that_breaks_leaves_the_keys_as_they_were(assistant: FakeAssistant, keys: Path) -> None:
    secret = add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        keys.write_text("{", encoding="utf-8")
        time.sleep(1.2)
        assert ask(asking, secret).status_code == 200


def test_a_secret_is_kept_nowhere(keys: Path) -> None:
    secret = add_key(keys, "one")
    assert secret not in keys.read_text(encoding="utf-8")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 3, "keys": []}',
        '{"format": 2, "keys": [{"name": "x"}]}',
        '{"format": 1, "keys": [{"name": "x"}]}',
        '{"format": 1, "keys": [{"name": "x", "sha256": "y", "made_on": "", "origins": []}]}',
        "\x80",
    ],
)
def test_a_file_of_keys_that_is_none_is_told_by_name(keys: Path, content: str) -> None:
    keys.write_bytes(content.encode("latin-1"))
    with pytest.raises(KeysError, match=r"keys\.json"):
        read_keys(keys)


def test_a_service_does_not_start_without_its_file_of_keys(assistant: FakeAssistant, keys: Path) -> None:
    with pytest.raises(KeysError, match="askpolicy keys add"):
        create_app(assistant, Settings(keys=keys))


def test_a_key_is_told_in_the_schema_only_where_one_is_asked_for(assistant: FakeAssistant, keys: Path) -> None:
    add_key(keys, "one")
    found = []
    for path in (keys, None):
        with client(assistant, keys=path) as asking:
            operation = asking.get("/openapi.json").json()["paths"]["/v1/ask"]["post"]
            found.append((operation.get("security"), "401" in operation["responses"]))
    assert found == [([{"key": []}], True), (None, False)]


# The command


def command(*arguments: str | Path, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(askpolicy, ["keys", *map(str, arguments)], env=environment)


def test_keys_are_made_listed_and_removed_by_a_command(keys: Path) -> None:
    environment = {"ASKPOLICY_KEYS": str(keys)}
    secret = command("add", "analysts", environment=environment).stdout.strip()
    public = command("add", "shop", "--origin", "https://Shop.example/", environment=environment).stdout.strip()
    assert (secret[:10], public[:17]) == ("askpolicy_", "askpolicy_public_")
    listed = command("list", environment=environment).stdout.splitlines()
    assert [line.split("  ")[::2][:2] for line in listed] == [
        ["analysts", "secret key"],
        ["shop", f"widget token for {SHOP}"],
    ]
    assert command("remove", "analysts", environment=environment).stdout == "analysts: removed\n"
    assert [key.name for key in read_keys(keys)] == ["shop"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "two words"], "is no name"),
        (["add", "one"], "there is a key 'one' already"),
        (["add", "x", "--origin", "shop.example"], "is no origin"),
        (["remove", "nobody"], "there is no key 'nobody' (there are: one)"),
        (["rotate", "nobody"], "there is no key 'nobody' (there are: one)"),
        (["rotate", "one", "--overlap", "soon"], "is no duration, expected one such as 90d"),
        (["add", "x", "--expires", "2020-01-31"], "is over already"),
        (["add", "x", "--expires", "31.1.2027"], "is no day and no duration, expected 2027-01-31 or 90d"),
        (["add", "x", "--endpoint", "everything"], "is not one of 'ask'"),
        (["add", "x", "--endpoint", "mcp"], "no tool can be called"),
        (["add", "x", "--origin", SHOP, "--endpoint", "admin"], "a widget token stands in a page for all to read"),
        (["add", "x", "--company", "shop.example", "--endpoint", "admin"], "make a key of its own"),
        (["add", "x", "--company", " "], "is no company"),
    ],
)
def test_what_a_command_does_not_take_is_told(keys: Path, arguments: list[str], words: str) -> None:
    add_key(keys, "one")
    done = command(*arguments, "--keys", keys)
    assert done.exit_code != 0
    assert words in done.stderr
    assert [key.name for key in read_keys(keys)] == ["one"]


def test_without_a_file_the_command_says_how_to_name_one() -> None:
    assert "ASKPOLICY_KEYS" in command("list").stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = command("add", "one", "--keys", tmp_path / "file" / "keys.json")
    assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)


# Widget tokens, origins


def test_a_widget_token_asks_from_its_own_pages_alone(assistant: FakeAssistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    with client(assistant, keys=keys) as asking:
        own = ask(asking, token, Origin=SHOP)
        assert (own.status_code, own.headers["access-control-allow-origin"]) == (200, SHOP)
        for other in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            assert problem(ask(asking, token, **other)) == (403, "/problems/foreign-origin")


def test_a_widget_token_reads_no_numbers(assistant: FakeAssistant, keys: Path) -> None:
    token, secret = add_key(keys, "shop", origins=[SHOP]), add_key(keys, "operator")
    with client(assistant, keys=keys) as asking:
        statuses = [
            asking.get("/metrics", headers={"Authorization": f"Bearer {each}", "Origin": SHOP}).status_code
            for each in (token, secret)
        ]
    assert statuses == [403, 200]


def test_the_page_itself_asks_with_the_token_for_its_own_origin(assistant: FakeAssistant, keys: Path) -> None:
    token = add_key(keys, "page", origins=["http://policies.example"])
    own = {"Authorization": f"Bearer {token}", "Host": "policies.example", "Sec-Fetch-Site": "same-origin"}
    with client(assistant, keys=keys, page_token=token) as asking:
        assert f'<askpolicy-chat token="{token}" page>' in asking.get("/").text
        assert asking.get("/v1/companies", headers=own).status_code == 200
        assert asking.get("/v1/companies", headers=own | {"Host": "evil.example"}).status_code == 403


def preflight(asking: httpx.Client, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return asking.options("/v1/ask", headers={"Origin": origin} | asked)


def test_a_browser_is_told_which_pages_may_ask(assistant: FakeAssistant, keys: Path) -> None:
    add_key(keys, "shop", origins=[SHOP])
    with client(assistant, keys=keys, origins=("https://partner.example",)) as asking:
        for origin in (SHOP, "https://partner.example"):
            allowed = preflight(asking, origin)
            assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, origin)
        refused = preflight(asking, "https://evil.example")
        assert problem(refused) == (403, "/problems/foreign-origin")
        assert "access-control-allow-origin" not in refused.headers


def test_an_error_can_be_read_by_the_page_that_caused_it(assistant: FakeAssistant) -> None:
    with client(assistant, origins=(SHOP,)) as asking:
        response = asking.post("/v1/ask", json={"question": "explode"}, headers={"Origin": SHOP})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (500, SHOP)


# Hosts


def test_on_loopback_a_page_cannot_come_by_a_name_of_its_own(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        statuses = [
            asking.get("/readyz", headers={"Host": host}).status_code
            for host in (
                "localhost:80",
                "127.0.0.1",
                "[::1]:8000",
                "LOCALHOST",
                "evil.example",
                "localhost.evil.example",
            )
        ]
        assert statuses == [200, 200, 200, 200, 421, 421]


def test_the_names_of_a_service_can_be_set(assistant: FakeAssistant) -> None:
    with client(assistant, hosts=("policies.example",)) as asking:
        statuses = [
            asking.get("/readyz", headers={"Host": host}).status_code for host in ("policies.example:443", "localhost")
        ]
        assert statuses == [200, 421]


# Rates


def test_an_address_beyond_its_rate_is_told_when_to_come_again(assistant: FakeAssistant) -> None:
    with client(assistant, rate_per_address="3/hour") as asking:
        responses = [ask(asking) for _ in range(5)]
        assert [response.status_code for response in responses] == [200, 200, 200, 429, 429]
        assert problem(responses[3]) == (429, "/problems/too-many-requests")
        assert 1 <= int(responses[3].headers["retry-after"]) <= 3_600
        assert 'askpolicy_rate_limited_total{limit="address"} 2.0' in asking.get("/metrics").text
        assert asking.get("/healthz").status_code == 200


def test_a_key_has_its_own_rate_and_none_by_address(assistant: FakeAssistant, keys: Path) -> None:
    one, two = add_key(keys, "one"), add_key(keys, "two")
    with client(assistant, keys=keys, rate_per_key="2/hour", rate_per_address="1/hour") as asking:
        assert [ask(asking, one).status_code for _ in range(3)] == [200, 200, 429]
        assert ask(asking, two).status_code == 200


def test_a_widget_token_is_limited_as_a_whole_and_by_address(assistant: FakeAssistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    with client(assistant, keys=keys, rate_per_visitor="1/hour", proxies=("127.0.0.1",)) as asking:
        statuses = [
            ask(asking, token, Origin=SHOP, **{"X-Forwarded-For": address}).status_code
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
        ]
    assert statuses == [200, 429, 200, 200, 429, 200]


def test_what_nobody_trusts_says_of_addresses_is_not_believed(assistant: FakeAssistant) -> None:
    with client(assistant, rate_per_address="1/hour") as asking:
        statuses = [ask(asking, **{"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(2)]
    assert statuses == [200, 429]


def test_on_loopback_an_address_has_no_limit_unless_one_is_set(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        assert {asking.get("/v1/companies").status_code for _ in range(130)} == {200}


def test_a_storage_of_rates_that_is_none_is_told_at_start(assistant: FakeAssistant) -> None:
    for uri in ("nonsense", "nosuch://x", "redis://localhost:port"):
        with pytest.raises(BadSetting, match="rate_storage"):
            create_app(assistant, Settings(rate_storage=uri))


# Where it listens


def test_beyond_loopback_it_refuses_to_start_without_keys() -> None:
    done = CliRunner().invoke(askpolicy, ["serve", "--host", "0.0.0.0", "--port", "0"])
    assert done.exit_code == 1
    assert "askpolicy keys add NAME" in done.stderr
    assert "--open-to-all" in done.stderr


def test_a_variable_that_is_nearly_a_setting_is_told() -> None:
    done = CliRunner().invoke(
        askpolicy, ["serve", "--host", "0.0.0.0", "--port", "0"], env=dict(os.environ) | {"ASKPOLICY_PROXY": "x"}
    )
    assert "Warning: ASKPOLICY_PROXY is no setting; did you mean ASKPOLICY_PROXIES?" in done.stderr


def test_a_token_that_the_page_may_not_show_is_refused_at_start(assistant: FakeAssistant, keys: Path) -> None:
    secret = add_key(keys, "operator")
    for token, path in ((secret, keys), ("nonsense", keys), ("askpolicy_public_x", None)):
        with pytest.raises(BadSetting, match="page_token is no widget token"):
            create_app(assistant, Settings(keys=path, page_token=token))


def test_what_one_address_is_refused_does_not_count_for_the_others_of_its_token(
    assistant: FakeAssistant, keys: Path
) -> None:
    token = add_key(keys, "shop", origins=[SHOP])
    rates = {"rate_per_token": "4/hour", "rate_per_visitor": "1/hour"}
    with client(assistant, keys=keys, proxies=("127.0.0.1",), **rates) as asking:
        statuses = [
            ask(asking, token, Origin=SHOP, **{"X-Forwarded-For": address}).status_code
            for address in ["192.0.2.1"] * 9 + ["192.0.2.2"]
        ]
    assert statuses == [200, *[429] * 8, 200]


def test_behind_a_proxy_loopback_is_not_this_machine_alone() -> None:
    done = CliRunner().invoke(askpolicy, ["serve", "--host", "127.0.0.1", "--port", "0", "--proxies", "127.0.0.1"])
    assert (done.exit_code, "a proxy brings others to 127.0.0.1" in done.stderr) == (1, True)


def test_a_problem_repeats_no_secret(assistant: FakeAssistant, keys: Path) -> None:
    add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        assert "askpolicy_guess" not in json.dumps(ask(asking, "askpolicy_guess").json())
