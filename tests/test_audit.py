"""The audit log, over a real server: what a line tells and does not tell, rotation, several processes, full disks."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.guard.endpoints import ENDPOINTS
from api.guard.keys import add_key
from api.observability.audit_file import AuditFile
from api.observability.metrics import Metrics
from api.settings import BadSetting, Settings
from tests.api_support import ACQUISITION, FakeAssistant, client, served, serving, tiny_index
from tests.mcp_support import call
from tests.test_mcp import with_key

SHOP = "https://shop.example"
POLICY = "jivochat.com--privacy-policy--2015-03-20"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def bearer(secret: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", **headers}


def lines(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def requests(file: Path, count: int, endpoints: Sequence[str] = ENDPOINTS) -> list[dict[str, Any]]:
    """The lines of `count` requests to `endpoints`; each is written once its response is sent, which is seen sooner."""
    until = monotonic() + 10
    while True:
        found = [line for line in lines(file) if line["event"] == "request" and line["endpoint"] in endpoints]
        if len(found) >= count or monotonic() > until:
            assert len(found) == count
            return found
        sleep(0.02)


# What a line tells


def test_an_answers_line_tells_who_asked_what_kind_of_thing_and_what_came_of_it(
    assistant: FakeAssistant, keys: Path, file: Path
) -> None:
    secret = add_key(keys, "analysts")
    with client(assistant, keys=keys, audit_log=file) as asking:
        sent = bearer(secret, **{"X-Request-ID": "my-request"})
        answer = asking.post("/v1/ask", json={"question": ACQUISITION}, headers=sent).json()
        (line,) = requests(file, 1)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line.pop("time"))) < timedelta(minutes=1)
    assert line.pop("took_ms") > 0
    assert line == {
        "event": "request",
        "request_id": "my-request",
        "key": "analysts",
        "endpoint": "ask",
        "method": "POST",
        "path": "/v1/ask",
        "kind": "yes_no",
        "companies": ["jivochat.com"],
        "outcome": "answered",
        "verdicts": {"jivochat.com": "no"},
        "answer_sha256": hashlib.sha256(answer["answer"].encode()).hexdigest(),
        "index_version": answer["index_version"],
        "status": 200,
    }
    opened = lines(file)[0]
    assert (opened["event"], opened["pid"]) == ("opened", os.getpid())
    assert file.stat().st_mode & 0o777 == 0o600


def test_every_form_of_an_answer_is_told_alike(assistant: FakeAssistant, file: Path) -> None:
    question = {"question": ACQUISITION}
    chat = {"model": "askpolicy", "messages": [{"role": "user", "content": ACQUISITION}]}
    with served(create_app(assistant, Settings(audit_log=file))) as address:
        httpx.post(f"{address}/v1/ask", json=question)
        httpx.post(f"{address}/v1/ask", json=question, headers={"Accept": "text/event-stream"})
        httpx.post(f"{address}/v1/chat/completions", json=chat)
        httpx.post(f"{address}/v1/chat/completions", json=chat | {"stream": True})
        with_key(address, None, call("ask", **question))
        told = requests(file, 5, ("ask", "chat"))
    assert [line["endpoint"] for line in told] == ["ask", "ask", "chat", "chat", "ask"]
    of_answer = ("kind", "companies", "outcome", "verdicts", "answer_sha256", "index_version", "status")
    assert len({json.dumps([line[name] for name in of_answer]) for line in told}) == 1


def test_a_tools_line_has_the_request_of_its_message(assistant: FakeAssistant, keys: Path, file: Path) -> None:
    secret = add_key(keys, "assistant")
    with served(create_app(assistant, Settings(keys=keys, audit_log=file))) as address:
        with_key(address, secret, call("ask", question=ACQUISITION))
        (asked,) = requests(file, 1, ["ask"])
    # the server has stopped, so that all is written
    told = [line for line in lines(file) if line.get("request_id") == asked["request_id"]]
    assert [(line["endpoint"], line["key"]) for line in told] == [("ask", "assistant"), ("mcp", "assistant")]


def test_what_is_read_is_told_with_its_company(assistant: FakeAssistant, file: Path) -> None:
    paths = ("/v1/companies", f"/v1/policies/{POLICY}", f"/v1/policies/{POLICY}/text", "/v1/policies/none")
    with client(assistant, audit_log=file) as asking:
        for path in (*paths, "/metrics", "/healthz", "/", "/widget.js"):
            asking.get(path)
        asking.post("/v1/search", json={"question": ACQUISITION, "companies": ["JivoChat"]})
        told = requests(file, 5)
    assert [(line["path"], line["companies"], line["status"]) for line in told] == [
        ("/v1/companies", [], 200),
        (f"/v1/policies/{POLICY}", ["jivochat.com"], 200),
        (f"/v1/policies/{POLICY}/text", ["jivochat.com"], 200),
        ("/v1/policies/none", [], 404),
        ("/v1/search", ["jivochat.com"], 200),
    ]


def test_neither_questions_nor_addresses_are_told_unless_asked_for(assistant: FakeAssistant, file: Path) -> None:
    odd = f"{ACQUISITION} \u2028\x1b[31m"
    for settings in ({}, {"audit_questions": True, "audit_addresses": True}):
        with client(assistant, audit_log=file, **settings) as asking:
            asking.post("/v1/ask", json={"question": odd})
            asking.post("/v1/search", json={"question": odd})
    silent, _, telling, searching = requests(file, 4)
    assert "question" not in silent
    assert "127.0.0.1" not in json.dumps(silent)
    assert [(line["question"], line["address"]) for line in (telling, searching)] == [(odd, "127.0.0.1")] * 2
    assert file.read_bytes().isascii()


def test_refusals_are_told_of_secret_keys_and_nobody_else(assistant: FakeAssistant, keys: Path, file: Path) -> None:
    made = {
        "secret": add_key(keys, "secret", endpoints=["search"]),
        "expired": add_key(keys, "expired", expires_at=datetime(2026, 1, 1, tzinfo=UTC)),
        "widget": add_key(keys, "widget", origins=[SHOP]),
        "guessed": "askpolicy_guess",
    }
    with client(assistant, keys=keys, audit_log=file, rate_per_key="1/hour") as asking:
        statuses = [
            asking.post("/v1/ask", json={"question": ACQUISITION}, headers=bearer(each)).status_code
            for each in made.values()
        ]
        assert statuses == [403, 401, 403, 401]
        search = {"json": {"question": ACQUISITION}, "headers": bearer(made["secret"])}
        assert [asking.post("/v1/search", **search).status_code for _ in range(3)] == [200, 429, 429]
        told = requests(file, 3)
    assert [(line["key"], line["status"]) for line in told] == [("secret", 403), ("expired", 401), ("secret", 200)]


def test_an_error_of_the_program_is_told_too(assistant: FakeAssistant, file: Path) -> None:
    with client(assistant, audit_log=file) as asking:
        asking.post("/v1/ask", json={"question": "explode"})
        (line,) = requests(file, 1)
    assert (line["status"], line["answer_sha256"]) == (500, None)


# Rotation


def test_a_full_file_is_moved_and_as_many_are_kept_as_asked_for(assistant: FakeAssistant, file: Path) -> None:
    with client(assistant, audit_log=file, audit_max_bytes=1_500, audit_files=3) as asking:
        for number in range(30):
            asking.get("/v1/companies", headers={"X-Request-ID": f"r{number}"})
    kept = [file.with_name(f"audit.jsonl.{number}") for number in (3, 2, 1)]
    assert sorted(each.name for each in file.parent.glob("audit.jsonl*") if each.suffix != ".lock") == sorted(
        each.name for each in (file, *kept)
    )
    told = [line["request_id"] for each in (*kept, file) for line in lines(each)]
    assert told == [f"r{number}" for number in range(30 - len(told), 30)]
    assert all(each.stat().st_size < 2_500 for each in kept)


@pytest.mark.parametrize("how", ["moved", "removed", "emptied"])
def test_another_program_may_rotate_it_while_the_service_runs(assistant: FakeAssistant, file: Path, how: str) -> None:
    with client(assistant, audit_log=file, audit_max_bytes=0) as asking:
        asking.get("/v1/companies")
        requests(file, 1)
        if how == "moved":
            file.rename(file.with_name("before"))
        elif how == "removed":
            file.unlink()
        else:
            os.truncate(file, 0)  # logrotate's copytruncate
        asking.get("/v1/companies")
        until = monotonic() + 10
        while not (file.exists() and file.stat().st_size) and monotonic() < until:
            sleep(0.02)
        assert [line["path"] for line in lines(file)] == ["/v1/companies"]


_WRITER = """
import sys
from pathlib import Path
from api.observability.audit_file import AuditFile
from api.observability.metrics import Metrics
file = AuditFile(Path(sys.argv[1]), max_bytes=20_000, files=1_000, metrics=Metrics())
for number in range(2_000):
    file.write({"event": "request", "writer": sys.argv[2], "number": number, "padding": "x" * (number % 300)})
"""


def test_several_processes_lose_and_tear_nothing_while_they_rotate(file: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(file), str(n)]) for n in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    files = [each for each in file.parent.glob("audit.jsonl*") if each.suffix != ".lock"]
    assert len(files) > 20
    told = [line for each in files for line in lines(each) if line["event"] == "request"]
    assert sorted((line["writer"], line["number"]) for line in told) == sorted(
        (str(writer), number) for writer in range(4) for number in range(2_000)
    )


def test_two_workers_write_one_file_and_hold_the_scopes(keys: Path, file: Path) -> None:
    secret = add_key(keys, "jivochat", companies=["jivochat.com"])
    flags = ("--workers", "2", "--keys", str(keys), "--audit-log", str(file), "--log-level", "error")
    with serving(*flags) as (address, _):
        for _ in range(20):
            with httpx.Client(base_url=address) as asking:  # each on a connection of its own
                listed = asking.get("/v1/companies", headers=bearer(secret)).json()["companies"]
                assert [each["id"] for each in listed] == ["jivochat.com"]
        requests(file, 20)
    assert len({line["pid"] for line in lines(file) if line["event"] == "opened"}) >= 2


# What cannot be written


@pytest.mark.parametrize("where", ["nowhere/audit.jsonl", ".", "/dev/full"])
def test_a_file_that_cannot_be_written_is_told_at_start(assistant: FakeAssistant, tmp_path: Path, where: str) -> None:
    with pytest.raises(BadSetting, match=r"audit_log is .*which cannot be written \(.*give a file"):
        create_app(assistant, Settings(audit_log=tmp_path / where))


def test_on_a_full_disk_requests_are_answered_and_the_gap_is_told(
    assistant: FakeAssistant, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with client(assistant, audit_log=file, audit_max_bytes=0) as asking:
        file.rename(file.with_name("before"))
        file.symlink_to("/dev/full")
        assert [asking.get("/v1/companies").status_code for _ in range(3)] == [200] * 3
        until = monotonic() + 10
        while "askpolicy_audit_missed_total 3.0" not in asking.get("/metrics").text:
            assert monotonic() < until
            sleep(0.02)
        file.unlink()
        asking.get("/v1/companies")
        requests(file, 1)
    assert [(line["event"], line.get("lines")) for line in lines(file)] == [("missed", 3), ("request", None)]
    failures = [record for record in caplog.records if "audit_log_failed" in str(record.msg)]
    assert len(failures) == 1


def test_a_line_after_a_torn_one_is_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = AuditFile(file, max_bytes=0, files=1, metrics=Metrics())
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:10]))
    audit.write({"event": "request"})
    monkeypatch.undo()
    audit.write({"event": "request"})
    audit.end()
    opened, torn, missed, told = file.read_text(encoding="utf-8").splitlines()
    assert len(torn) == 10
    assert [json.loads(each)["event"] for each in (opened, missed, told)] == ["opened", "missed", "request"]
