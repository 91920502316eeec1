"""`askpolicy watch` tells what changed, once, on standard output and to a webhook that can check who sent it."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.command.cli import askpolicy
from api.command.webhook import Webhook, WebhookError, read_secret
from tests.fetch_support import HTML, Page, site
from tests.test_history import PATH, Archive, policy
from tests.tiny import TinyEmbedder

SECRET = "a secret of more than twenty-four bytes"


@dataclass
class Receiver:
    """What was posted to it, as (headers, body); `statuses` are what it answers next, 204 behind them."""

    address: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    found = Receiver(statuses=[*statuses])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.address = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "acme-versions")
    made.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{PATH: policy("ten")})
    return made


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.command.webhook._WAITS_S", (0.0, 0.0))


def watch(index: Path, *arguments: str | Path) -> Result:
    command = ["watch", "--index", str(index), *map(str, arguments)]
    environment = {"ASKPOLICY_WEBHOOK_SECRET": SECRET}
    return CliRunner().invoke(askpolicy, command, obj=lambda _: TinyEmbedder(), env=environment)


def test_a_new_version_is_told_once(archive: Archive, tmp_path: Path):
    index = tmp_path / "index"
    first = watch(index, "--history", archive.folder)
    assert (first.exit_code, first.stdout) == (0, "")
    archive.commit("2021-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: policy("nine")})
    changed = watch(index)
    assert changed.exit_code == 10
    assert "2021-02-01 Pebblemail, Privacy Policy (before: 2020-02-01): 1 reworded" in changed.stdout
    assert "voice recordings for nine days" in changed.stdout
    again = watch(index)
    assert (again.exit_code, again.stdout) == (0, "")


def test_a_technical_upgrade_is_no_change(archive: Archive, tmp_path: Path):
    watch(tmp_path / "index", "--history", archive.folder)
    upgrade = "Apply technical or declaration upgrade on Pebblemail Privacy Policy"
    archive.commit("2021-02-01", upgrade, **{PATH: policy("nine")})
    assert watch(tmp_path / "index").exit_code == 0


def test_a_file_that_is_written_over_is_compared_with_what_it_said(tmp_path: Path):
    folder = tmp_path / "Pebblemail"
    folder.mkdir()
    file, gone = folder / "Privacy Policy.md", folder / "Terms of Service.md"
    file.write_text(policy("ten"), "utf-8")
    gone.write_text("# Terms of Service\n\nYou may use this service if you are of age.\n", "utf-8")
    assert watch(tmp_path / "index", tmp_path / "Pebblemail").exit_code == 0
    file.write_text(policy("nine"), "utf-8")
    gone.unlink()
    changed = watch(tmp_path / "index")
    assert changed.exit_code == 10
    assert "1 reworded" in changed.stdout
    assert "Terms of Service: gone" in changed.stdout


def test_an_address_is_fetched_again(tmp_path: Path):
    with site() as pages:
        pages.pages["/privacy"] = Page(HTML.replace("</p>", " Not to anybody at all.</p>").encode())
        arguments = (pages.url("/privacy"), "--snapshots", tmp_path / "snapshots", "--allow-private")
        assert watch(tmp_path / "index", *arguments).exit_code == 0
        pages.pages["/privacy"] = Page(HTML.replace("never", "often").encode())
        changed = watch(tmp_path / "index", *arguments)
        assert (changed.exit_code, "often" in changed.stdout) == (10, True)
        pages.pages.clear()
        failed = watch(tmp_path / "index", *arguments)
        assert (failed.exit_code, "404" in failed.stderr) == (3, True)


def test_a_receiver_can_check_who_sent_what_and_when(archive: Archive, tmp_path: Path):
    with receiver() as hook:
        watch(tmp_path / "index", "--history", archive.folder, "--webhook", hook.address)
        archive.commit("2021-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: policy("nine")})
        assert watch(tmp_path / "index", "--webhook", hook.address).exit_code == 10
    ((headers, body),) = hook.got
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(body)
    assert [one["counts"]["reworded"] for one in told["changes"]] == [1]
    assert (told["part"], told["parts"], told["gone"]) == (1, 1, [])


def test_what_was_not_delivered_is_delivered_by_the_next_run(archive: Archive, tmp_path: Path):
    index = tmp_path / "index"
    watch(index, "--history", archive.folder)
    archive.commit("2021-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: policy("nine")})
    with receiver(500, 500, 500, 500, 500, 500) as hook:
        failed = watch(index, "--webhook", hook.address)
        assert (failed.exit_code, len(hook.got)) == (1, 3)
        assert "status 500" in failed.stderr
        archive.commit("2022-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: policy("one")})
        # nothing is read anew until it is delivered, or the version that it is told against would be lost
        assert (watch(index, "--webhook", hook.address).exit_code, len(hook.got)) == (1, 6)
        assert watch(index, "--webhook", hook.address).exit_code == 10
    days = [[one["day"] for one in json.loads(body)["changes"]] for _, body in hook.got]
    assert days == [*[["2021-02-01"]] * 7, ["2022-02-01"]]
    ids = [headers["webhook-id"] for headers, _ in hook.got]
    assert len(set(ids[:7])) == 1
    assert ids[7] != ids[0]


@pytest.mark.parametrize(("statuses", "tries"), [((503,), 2), ((429, 502), 3), ((404,), 1), ((302,), 1)])
def test_only_what_may_pass_is_tried_again(statuses: tuple[int, ...], tries: int):
    with receiver(*statuses) as hook:
        sent = Webhook(hook.address, SECRET.encode())
        if statuses[-1] in (404, 302):
            with pytest.raises(WebhookError, match=f"status {statuses[-1]}"):
                sent.post(b"{}", message_id="a")
        else:
            sent.post(b"{}", message_id="a")
        assert len(hook.got) == tries


def test_a_receiver_that_is_not_there_is_an_error():
    with receiver() as hook:
        address = hook.address
    with pytest.raises(WebhookError, match="run it again"):
        Webhook(address, SECRET.encode()).post(b"{}", message_id="a")


def test_an_error_does_not_show_what_an_address_hides():
    with pytest.raises(WebhookError) as told:
        Webhook("http://user:hidden@127.0.0.1:9/hook?token=hidden", SECRET.encode()).post(b"{}", message_id="a")
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    ("secret", "words"), [(None, "no secret"), ("", "no secret"), ("short", "at least 24"), ("whsec_%%", "no base64")]
)
def test_a_secret_that_cannot_sign_is_refused(secret: str | None, words: str):
    with pytest.raises(WebhookError, match=words):
        read_secret(None, secret)


def test_a_secret_may_be_text_or_base64_of_a_file(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(f"whsec_{base64.b64encode(SECRET.encode()).decode()}\n")
    assert read_secret(file, None) == read_secret(None, SECRET) == SECRET.encode()


@pytest.mark.parametrize("address", ["ftp://a.example/", "a.example", "http://"])
def test_an_address_that_is_none_is_refused_before_anything_is_read(tmp_path: Path, address: str):
    done = watch(tmp_path / "index", tmp_path, "--webhook", address)
    assert (done.exit_code, (tmp_path / "index").exists()) == (1, False)


def test_an_address_needs_a_folder_of_snapshots(tmp_path: Path):
    assert watch(tmp_path / "index", "https://a.example/privacy").exit_code == 2
