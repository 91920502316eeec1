"""Addresses become snapshots: against a real server on loopback."""

import gzip
import io
import ipaddress
import shutil
import ssl
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.command.cli import askpolicy
from index.build import build
from index.errors import FetchRefused
from index.policies.layout import service_folder
from index.policy_index import PolicyIndex
from index.sources import fetch_snapshots
from index.sources.fetch import Fetched, Fetcher, FetchOutcome
from index.sources.fetch_address import checked_url, is_public, reachable
from index.sources.fetch_http import USER_AGENT, Limits
from index.sources.fetch_types import ending
from index.sources.sidecar import read_sidecar, sidecar_path
from tests.fetch_support import HTML, Days, Page, Site, fetcher, redirect, site
from tests.tiny import TinyEmbedder

OK, UNCHANGED, REFUSED, FAILED = FetchOutcome


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as found:
        yield found


def files(folder: Path) -> list[str]:
    """Every file in `folder`, locks apart."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".fetch.lock"
    )


def docx() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("word/document.xml", "<document/>")
    return packed.getvalue()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as parts:
        parts.writestr("policy.txt", "We never sell your data.")
    return packed.getvalue()


# What is stored


def test_a_snapshot_is_the_bytes_as_served_with_a_sidecar_beside_it(web: Site, tmp_path: Path) -> None:
    head = (("ETag", '"v1"'), ("Last-Modified", "Sun, 01 Feb 2026 10:00:00 GMT"), ("Content-Language", "en"))
    body = "<!doctype html><p>Für Gäste, in Latin-1</p>".encode("latin-1")
    web.pages["/legal/privacy.html"] = Page(body, "text/html; charset=iso-8859-1", head=head)
    fetched = fetcher(tmp_path).fetch(web.url("/legal/privacy.html#sharing"))
    path = tmp_path / f"127.0.0.1-{web.port}" / "legal-privacy--2026-03-01.html"
    assert fetched == Fetched(web.url("/legal/privacy.html#sharing"), OK, path)
    assert path.read_bytes() == body
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert (sidecar.address, sidecar.final_address, sidecar.status, sidecar.etag, sidecar.last_modified) == (
        web.url("/legal/privacy.html"),
        web.url("/legal/privacy.html"),
        200,
        '"v1"',
        "Sun, 01 Feb 2026 10:00:00 GMT",
    )
    assert (sidecar.content_type, sidecar.content_language) == ("text/html; charset=iso-8859-1", "en")
    assert (sidecar.fetched_at, sidecar.day) == (datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("path", "page", "name"),
    [
        ("/privacy", Page(b"%PDF-1.7 ...", "application/pdf"), "privacy--2026-03-01.pdf"),
        ("/p.php?lang=de", Page(b"%PDF-1.4 ...", "application/octet-stream"), "p-lang-de--2026-03-01.pdf"),
        ("/policy.docx", Page(docx(), "application/zip"), "policy--2026-03-01.docx"),
        ("/policy.md", Page(b"# Privacy\n\nWe sell nothing.", "text/plain"), "policy--2026-03-01.md"),
        ("/a.txt", Page(b"We sell nothing.", "text/plain"), "a--2026-03-01.txt"),
        ("/", Page(b"\n<!-- x -->\n<html><p>We sell nothing.", "text/plain"), "index--2026-03-01.html"),
        ("/x", Page(b"# Privacy", "text/markdown"), "x--2026-03-01.md"),
        ("/no-type", Page(b"<!DOCTYPE html><p>Hi", ""), "no-type--2026-03-01.html"),
        ("/%D0%BE%20%D0%BD%D0%B0%D1%81", Page(), "о-нас--2026-03-01.html"),
        ("/.well-known/privacy", Page(), "well-known-privacy--2026-03-01.html"),
        ("/..%2F..%2Fetc/passwd", Page(), "etc-passwd--2026-03-01.html"),
        ("/" + "long/" * 200, Page(), ("long-" * 24).strip("-") + "--2026-03-01.html"),
    ],
)
def test_the_name_ends_by_what_the_body_is(web: Site, tmp_path: Path, path: str, page: Page, name: str) -> None:
    web.pages[path] = page
    fetched = fetcher(tmp_path).fetch(web.url(path))
    stored = tmp_path / f"127.0.0.1-{web.port}" / name
    assert (fetched.outcome, fetched.reason, fetched.path) == (OK, "", stored)


@pytest.mark.parametrize(
    "page",
    [
        Page(b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        Page(b"\x89PNG\r\n\x1a\n\0\0", "text/html"),
        Page(archive(), "application/zip"),
        Page(archive(), "application/pdf"),
        Page(b"<p>Log in</p>", "application/pdf"),
        Page(b"{}", "application/json"),
        Page(b"<rss/>", "text/xml"),
        Page(b"let x = 1", "text/javascript"),
    ],
    ids=lambda page: f"{page.type} {page.body[:4]!r}",
)
def test_what_cannot_be_a_policy_is_refused(web: Site, tmp_path: Path, page: Page) -> None:
    web.pages["/x"] = page
    fetched = fetcher(tmp_path).fetch(web.url("/x"))
    assert (fetched.outcome, "expected HTML, PDF, DOCX" in fetched.reason, files(tmp_path)) == (REFUSED, True, [])


def test_a_web_archives_snapshot_is_of_the_day_that_it_was_archived(web: Site, tmp_path: Path) -> None:
    web.pages["/web/2015/x"] = Page(head=(("Memento-Datetime", "Fri, 20 Mar 2015 04:02:34 GMT"),))
    fetched = fetcher(tmp_path).fetch(web.url("/web/2015/x"))
    assert fetched.path is not None
    assert fetched.path.name == "web-2015-x--2015-03-20.html"
    sidecar = read_sidecar(fetched.path)
    assert sidecar is not None
    assert sidecar.archived_on == date(2015, 3, 20)


def test_what_was_fetched_is_whose_it_says_and_not_the_hosts_folders(web: Site, tmp_path: Path) -> None:
    text = "<h1>Privacy Notice</h1><p>{0} Ltd. (“{0}”, “we”, “us”) keeps your name. {0} never sells it.</p>"
    for name in ("Brightloom", "Tarnwick"):
        body = f"<!doctype html><title>Privacy Notice</title>{text.format(name)}".encode()
        web.pages[f"/{name}/privacy"] = Page(body, "text/html; charset=utf-8")
        fetcher(tmp_path / "got").fetch(web.url(f"/{name}/privacy"))
    build([tmp_path / "got"], tmp_path / "out", embedder=TinyEmbedder())
    index = PolicyIndex.open(tmp_path / "out", embedder=TinyEmbedder())
    assert [company.name for company in index.companies.values()] == ["Brightloom", "Tarnwick"]


@pytest.mark.parametrize("host", ["www.acme.example", "acme.example", "legal.acme.example:8080"])
def test_a_folder_called_by_the_documents_own_host_is_no_services(host: str) -> None:
    address = f"https://{host}/legal/privacy"
    assert service_folder(f"got/{host.replace(':', '-')}/privacy--2026-01-01.html", address) is None
    assert service_folder("got/acme.example/privacy.html", "https://www.acme.example/privacy") is None
    assert service_folder("got/acme.example/privacy.html") == "acme.example"
    assert service_folder("got/Acme/privacy.html", address) == "Acme"


# A second time


def test_the_same_content_again_is_unchanged(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page()
    first, again = (fetcher(tmp_path).fetch(web.url("/privacy")) for _ in range(2))
    assert (first.outcome, again.outcome, again.path) == (OK, UNCHANGED, first.path)
    assert len(files(tmp_path)) == 2


def test_new_content_is_kept_beside_the_old_and_so_is_the_old_that_comes_back(web: Site, tmp_path: Path) -> None:
    days, bodies = Days(), ["one", "two", "two", "one", "three"]
    outcomes = []
    for number, body in enumerate(bodies):
        web.pages["/privacy"] = Page(f"<html><p>{body}".encode())
        if number == 4:
            days.now += timedelta(days=1)
        outcomes.append(fetcher(tmp_path, now=days).fetch(web.url("/privacy")).outcome)
    assert outcomes == [OK, OK, UNCHANGED, OK, OK]
    folder = tmp_path / f"127.0.0.1-{web.port}"
    assert {path.name: path.read_text() for path in folder.glob("*.html")} == {
        "privacy--2026-03-01.html": "<html><p>one",
        "privacy--2026-03-01--2.html": "<html><p>two",
        "privacy--2026-03-01--3.html": "<html><p>one",
        "privacy--2026-03-02.html": "<html><p>three",
    }


def test_addresses_that_would_have_one_name_do_not_overwrite_each_other(web: Site, tmp_path: Path) -> None:
    paths = ["/a/b", "/a-b", "/a?b", "/a-b.html"]
    for path in paths:
        web.pages[path] = Page(f"<html><p>{path}".encode())
    fetched = [fetcher(tmp_path).fetch(web.url(path)) for path in paths]
    assert [one.path.read_text() for one in fetched if one.path] == [f"<html><p>{path}" for path in paths]


def test_a_file_without_the_fetchs_sidecar_is_not_overwritten(web: Site, tmp_path: Path) -> None:
    mine = tmp_path / f"127.0.0.1-{web.port}" / "privacy--2026-03-01.html"
    mine.parent.mkdir()
    mine.write_text("mine")
    web.pages["/privacy"] = Page()
    fetched = fetcher(tmp_path).fetch(web.url("/privacy"))
    assert (fetched.outcome, mine.read_text()) == (OK, "mine")


@pytest.mark.parametrize("way", ["/privacy", "/moved"])
def test_a_server_is_asked_only_for_what_has_changed(web: Site, tmp_path: Path, way: str) -> None:
    web.pages["/moved"] = redirect("/privacy")
    web.pages["/privacy"] = Page(head=(("etag", '"v1"'),))
    first, again = (fetcher(tmp_path).fetch(web.url(way)) for _ in range(2))
    assert (again.outcome, again.path) == (UNCHANGED, first.path)
    assert web.asked[-1][1]["if-none-match"] == '"v1"'
    web.pages["/privacy"] = Page(b"<html>new", head=(("etag", '"v2"'),))
    assert fetcher(tmp_path).fetch(web.url(way)).outcome is OK


def test_a_snapshot_whose_file_is_gone_is_asked_for_whole(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page(head=(("etag", '"v1"'),))
    first = fetcher(tmp_path).fetch(web.url("/privacy"))
    assert first.path is not None
    first.path.unlink()
    assert fetcher(tmp_path).fetch(web.url("/privacy")).outcome is OK


def test_a_broken_sidecar_is_told_and_nothing_is_stored_twice(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page()
    first = fetcher(tmp_path).fetch(web.url("/privacy"))
    assert first.path is not None
    sidecar_path(first.path).write_text("address = ")
    fetched = fetcher(tmp_path).fetch(web.url("/privacy"))
    assert (fetched.outcome, "not TOML" in fetched.reason, len(files(tmp_path))) == (FAILED, True, 2)


def test_a_snapshot_that_cannot_be_written_whole_leaves_nothing(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages["/privacy"] = Page()

    def full(_: Path, __: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            fetcher(tmp_path).fetch(web.url("/privacy"))
    assert files(tmp_path) == []


def test_fetches_of_one_address_at_once_store_one_snapshot(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, others = fetch_snapshots._free_path, threading.Barrier(2)

    def named_with_another(folder: Path, stem: str, ending: str) -> Path:
        found = named(folder, stem, ending)
        with suppress(threading.BrokenBarrierError):
            others.wait(0.5)  # nobody else comes so far while one is at work
        return found

    monkeypatch.setattr(fetch_snapshots, "_free_path", named_with_another)
    web.pages["/privacy"] = Page()
    with ThreadPoolExecutor(4) as threads:
        fetched = list(threads.map(lambda _: fetcher(tmp_path).fetch(web.url("/privacy")), range(4)))
    assert sorted(one.outcome for one in fetched) == [OK, UNCHANGED, UNCHANGED, UNCHANGED]
    assert ({one.path for one in fetched}, len(files(tmp_path))) == ({fetched[0].path}, 2)


# Redirects


def test_redirects_are_followed_and_the_final_address_is_kept(web: Site, tmp_path: Path) -> None:
    web.pages |= {"/a": redirect("/b", 301), "/b": redirect(web.url("/c"), 308), "/c": Page()}
    fetched = fetcher(tmp_path).fetch(web.url("/a"))
    assert fetched.path is not None
    sidecar = read_sidecar(fetched.path)
    assert sidecar is not None
    assert (sidecar.address, sidecar.final_address) == (web.url("/a"), web.url("/c"))


@pytest.mark.parametrize(
    ("pages", "outcome", "words"),
    [
        ({"/a": redirect("/b"), "/b": redirect("/a")}, FAILED, "circle"),
        ({"/a": redirect("/a#top")}, FAILED, "circle"),
        ({f"/{'a' * n}": redirect(f"/{'a' * (n + 1)}") for n in range(1, 20)}, FAILED, "more than 5 redirects"),
        ({"/a": Page(b"", "", 302)}, FAILED, "without the address"),
        ({"/a": redirect("ftp://example.com/")}, REFUSED, "scheme"),
        ({"/a": redirect("file:///etc/passwd")}, REFUSED, "scheme"),
        ({"/a": redirect("http://me:secret@example.com/")}, REFUSED, "credentials"),
        ({"/a": redirect("http://10.0.0.1/")}, REFUSED, "not a public address"),
        ({"/a": redirect("http://2130706434/")}, REFUSED, "is 127.0.0.2"),
        ({"/a": redirect("http://[::ffff:10.0.0.1]/")}, REFUSED, "not a public address"),
        ({"/a": redirect("http://inside.example/")}, REFUSED, "inside.example is 192.168.0.1"),
        ({"/a": redirect("//inside.example/x")}, REFUSED, "inside.example is 192.168.0.1"),
        ({"/a": redirect("http://nowhere.example/")}, FAILED, "was not found"),
        ({"/a": redirect("http://[")}, REFUSED, "no host name"),
        ({"/a": redirect("http://example.com:port/")}, REFUSED, "no address"),
    ],
)
def test_a_redirect_that_leads_nowhere_good_is_not_followed(
    web: Site, tmp_path: Path, pages: dict[str, Page], outcome: FetchOutcome, words: str
) -> None:
    web.pages |= pages
    fetched = fetcher(tmp_path, names={"inside.example": "192.168.0.1"}).fetch(web.url("/a"))
    assert (fetched.outcome, files(tmp_path)) == (outcome, [])
    assert words in fetched.reason
    assert "secret" not in fetched.reason


def test_robots_are_asked_again_where_a_redirect_leads(web: Site, tmp_path: Path) -> None:
    with site() as other:
        other.pages |= {"/robots.txt": Page(b"User-agent: *\nDisallow: /", "text/plain"), "/c": Page()}
        web.pages["/a"] = redirect(other.url("/c"))
        fetched = fetcher(tmp_path).fetch(web.url("/a"))
        assert (fetched.outcome, other.paths()) == (REFUSED, ["/robots.txt"])


# Which machines


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.8.8.8 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 240.0.0.1
    255.255.255.255 192.0.2.1 198.18.0.1 :: ::1 fe80::1 fe80::1%eth0 fc00::1 ff02::1 2001:db8::1 fec0::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::10.0.0.1 2002:7f00:1::1""".split(),
)
def test_an_address_that_is_not_public_is_not_reached(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(FetchRefused, match="not a public address"):
        reachable("inside.example", 80, resolve=lambda *_: ["1.1.1.1", address], may_reach=is_public)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_a_public_address_is_reached(address: str) -> None:
    assert reachable("a.example", 80, resolve=lambda *_: [address], may_reach=is_public) == [
        str(ipaddress.ip_address(address))
    ]


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.1 127.0.0.1. [::1] [::ffff:127.0.0.1] "
    "[::ffff:7f00:1] 0 localhost".split(),
)
def test_every_spelling_of_loopback_is_refused(web: Site, tmp_path: Path, host: str) -> None:
    fetched = Fetcher(tmp_path).fetch(web.url("/", host=host))
    assert (fetched.outcome, web.asked) == (REFUSED, [])
    # ipaddress takes no zeros in front, and so httpx none of that spelling
    assert ("no address" if host == "0177.0.0.1" else "--allow-private") in fetched.reason


def test_a_connection_goes_to_the_address_that_was_checked(web: Site, tmp_path: Path) -> None:
    """A name server that gives another address the second time is asked once a connection."""
    answers = iter(["127.0.0.1", "127.0.0.1", "10.0.0.1", "10.0.0.1"])
    web.pages["/privacy"] = Page()
    one = fetcher(tmp_path, resolve=lambda *_: [next(answers)])
    fetched = one.fetch(web.url("/privacy", host="rebinding.example"))
    assert (fetched.outcome, web.asked[-1][1]["host"]) == (OK, f"rebinding.example:{web.port}")
    assert one.fetch(web.url("/privacy", host="rebinding.example")).outcome is REFUSED


def test_another_address_of_a_host_is_tried_where_one_does_not_answer(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page()
    one = fetcher(tmp_path, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"], may_reach=lambda _: True)
    assert one.fetch(web.url("/privacy", host="two.example")).outcome is OK


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("example.com/privacy", "expected an address with http:// or https://"),
        ("ftp://example.com/privacy", "'ftp'"),
        ("file:///etc/passwd", "'file'"),
        ("javascript:alert(1)", "'javascript'"),
        ("http://", "no host name"),
        ("http://../etc", "no host name"),
        ("http://a b/", "no host name"),
        ("http://example.com:99999/", "port 99999"),
        ("http://exam\nple.com/", "no address"),
        ("", "expected"),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(tmp_path: Path, address: str, words: str) -> None:
    fetched = fetcher(tmp_path).fetch(address)
    assert (fetched.outcome, files(tmp_path)) == (REFUSED, [])
    assert words in fetched.reason


@pytest.mark.parametrize(
    "address",
    [
        "https://me:secret@example.com/",
        "https://secret@example.com/",
        "https://me:p@secret@example.com:x/",
        "me:secret@example.com",
        "https://me:secret@exam ple.com:port/",
    ],
)
def test_credentials_are_refused_and_never_shown(tmp_path: Path, address: str) -> None:
    fetched = fetcher(tmp_path).fetch(address)
    assert fetched.outcome is REFUSED
    assert "secret" not in f"{fetched.address} {fetched.reason}"


def test_an_address_in_another_script_is_asked_for_in_ascii() -> None:
    assert str(checked_url("https://Bücher.example/ä#f")) == "https://xn--bcher-kva.example/%C3%A4"


# robots.txt


@pytest.mark.parametrize(
    ("robots", "outcome"),
    [
        (Page(b"User-agent: *\nDisallow: /priv", "text/plain"), REFUSED),
        (Page(b"\xef\xbb\xbfUser-agent: askpolicy\nDisallow: /\n\nUser-agent: *\nAllow: /", "text/plain"), REFUSED),
        (Page(b"User-agent: *\nDisallow: /\n\nUser-agent: AskPolicy\nAllow: /privacy", "text/plain"), OK),
        (Page(b"User-agent: *\nDisallow: /*.php$", "text/plain"), OK),
        (Page(b"User-agent: *\nDisallow:", "text/plain"), OK),
        (Page(b"<html>Not here</html>"), OK),
        (Page(b"\xff\xfe\0", "application/octet-stream"), OK),
        (Page(b"Not here", "text/plain", 404), OK),
        (Page(b"Forbidden", "text/plain", 403), OK),
        (Page(b"Oops", "text/plain", 503), REFUSED),
        (Page(b"Slow down", "text/plain", 429), REFUSED),
        (redirect("/r2"), REFUSED),
        (redirect("/robots.txt"), OK),
        (redirect("http://10.0.0.1/robots.txt"), REFUSED),
    ],
)
def test_robots_txt_is_obeyed(web: Site, tmp_path: Path, robots: Page, outcome: FetchOutcome) -> None:
    web.pages |= {"/robots.txt": robots, "/privacy": Page(), "/r2": Page(b"User-agent: *\nDisallow: /", "text/plain")}
    fetched = fetcher(tmp_path).fetch(web.url("/privacy"))
    assert fetched.outcome is outcome
    assert ("/privacy" in web.paths()) == (outcome is OK)
    assert (fetched.reason == "") == (outcome is OK)


def test_robots_txt_is_asked_for_once_and_by_our_name(web: Site, tmp_path: Path) -> None:
    web.pages |= {"/a": Page(b"<html>a"), "/b": Page(b"<html>b")}
    one = fetcher(tmp_path)
    one.fetch(web.url("/a"))
    one.fetch(web.url("/b"))
    assert web.paths() == ["/robots.txt", "/a", "/b"]
    assert {head["user-agent"] for _, head in web.asked} == {USER_AGENT}
    assert USER_AGENT.startswith("askpolicy/")


@pytest.mark.parametrize(
    ("robots", "least", "most"),
    [("", 0, 1), ("User-agent: *\nCrawl-delay: 7", 6, 7), ("User-agent: *\nCrawl-delay: 86400", 29, 30)],
)
def test_a_host_is_given_time_between_two_requests(
    web: Site, tmp_path: Path, robots: str, least: float, most: float
) -> None:
    web.pages |= {"/robots.txt": Page(robots.encode(), "text/plain"), "/a": Page(), "/b": Page()}
    slept: list[float] = []
    one = fetcher(tmp_path, sleep=slept.append)
    one.fetch(web.url("/a"))
    one.fetch(web.url("/b"))
    assert len(slept) == 1
    assert least < slept[0] <= most


# Bad servers


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(b"gone", "text/html", 410), "410 Gone"),
        (Page(b"no", "text/html", 404), "404 Not Found"),
        (Page(b"no", "text/html", 503, (("Retry-After", "120"),)), "503 Service Unavailable; try again after 120"),
        (Page(b"no", "text/html", 599), "status 599"),
        (Page(b""), "empty"),
        (Page(b" \n "), "empty"),
        (Page(b"", "", 204), "status 204"),
        (Page(b"not gzip", head=(("Content-Encoding", "gzip"),)), "damaged gzip"),
        (Page(gzip.compress(HTML.encode())[:-12], head=(("Content-Encoding", "gzip"),)), "cut short"),
        (Page(b"x", head=(("Content-Encoding", "br"),)), "'br'"),
    ],
)
def test_what_failed_is_told(web: Site, tmp_path: Path, page: Page, words: str) -> None:
    web.pages["/x"] = page
    fetched = fetcher(tmp_path).fetch(web.url("/x"))
    assert (fetched.outcome, files(tmp_path)) == (FAILED, [])
    assert words in fetched.reason


def test_a_gzipped_body_is_stored_unpacked(web: Site, tmp_path: Path) -> None:
    packed = gzip.compress(HTML[:20].encode()) + gzip.compress(HTML[20:].encode()) + b"\0\0"
    web.pages["/x"] = Page(packed, head=(("Content-Encoding", "gzip"),))
    fetched = fetcher(tmp_path).fetch(web.url("/x"))
    assert fetched.path is not None
    assert fetched.path.read_text() == HTML


def endless(handler: object) -> None:
    while True:
        handler.wfile.write(b"<p>We sell nothing.</p>" * 1_000)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "page",
    [
        Page(b"<html>" + b"x" * 100_000),
        Page(gzip.compress(b"<html>" + b"x" * 50_000_000), head=(("Content-Encoding", "gzip"),)),
        Page(write=endless),
        Page(write=lambda handler: None, head=(("Content-Length", "999999999999"),)),
    ],
    ids=["stated", "bomb", "endless", "claimed"],
)
def test_a_body_that_is_too_large_is_refused(web: Site, tmp_path: Path, page: Page) -> None:
    web.pages["/x"] = page
    fetched = fetcher(tmp_path, limits=Limits(body_bytes=99_000)).fetch(web.url("/x"))
    assert (fetched.outcome, fetched.reason) == (REFUSED, "more than the 99,000 bytes a policy may have")
    assert files(tmp_path) == []


def test_a_bomb_is_not_unpacked(web: Site, tmp_path: Path) -> None:
    web.pages["/x"] = Page(gzip.compress(b"<html>" + b"x" * 50_000_000), head=(("Content-Encoding", "gzip"),))
    tracemalloc.start()
    fetcher(tmp_path, limits=Limits(body_bytes=99_000)).fetch(web.url("/x"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("limits", [Limits(read_s=0.1), Limits(whole_s=0.3)], ids=["silent", "dripping"])
def test_a_server_that_keeps_us_waiting_is_left(web: Site, tmp_path: Path, limits: Limits) -> None:
    let_go = threading.Event()

    def drip(handler: object) -> None:
        pause = 0.01 if limits.read_s > 1 else 5
        while not let_go.wait(pause):
            handler.wfile.write(b"<")  # type: ignore[attr-defined]

    web.pages["/x"] = Page(write=drip)
    fetched = fetcher(tmp_path, limits=limits).fetch(web.url("/x"))
    let_go.set()
    assert (fetched.outcome, "nothing came for" in fetched.reason) == (FAILED, True)


def test_headers_that_never_end_are_left(tmp_path: Path) -> None:
    with site() as web:

        def more(handler: object) -> None:
            pass

        web.pages["/robots.txt"] = Page(head=tuple((f"X-{number}", "x" * 5_000) for number in range(100)), write=more)
        fetched = fetcher(tmp_path).fetch(web.url("/x"))
        assert (fetched.outcome, "no proper HTTP answer" in fetched.reason) == (FAILED, True)


def test_a_body_that_ends_before_its_length_is_failed(web: Site, tmp_path: Path) -> None:
    web.pages["/x"] = Page(write=lambda handler: handler.wfile.write(b"<html>"), head=(("Content-Length", "100"),))
    fetched = fetcher(tmp_path).fetch(web.url("/x"))
    assert (fetched.outcome, files(tmp_path)) == (FAILED, [])


def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    with site() as gone:
        pass
    fetched = fetcher(tmp_path).fetch(gone.url("/x"))
    assert (fetched.outcome, "no connection" in fetched.reason) == (FAILED, True)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of policies.example, signed by itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=policies.example"),
            *("-addext", "subjectAltName=DNS:policies.example", "-keyout", str(key), "-out", str(made)),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.mark.parametrize(
    ("host", "trusted", "outcome", "words"),
    [
        ("policies.example", True, OK, ""),
        ("other.example", True, FAILED, "TLS certificate is not valid: Hostname mismatch"),
        ("policies.example", False, FAILED, "TLS certificate is not valid: self"),
    ],
)
def test_tls_verifies_the_name_that_was_asked_for(
    certificate: tuple[Path, Path], tmp_path: Path, host: str, trusted: bool, outcome: FetchOutcome, words: str
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]) if trusted else None)
    with site(server_side) as web:
        web.pages["/privacy"] = Page()
        one = fetcher(tmp_path, names={host: "127.0.0.1"}, ssl_context=trusting)
        fetched = one.fetch(web.url("/privacy", host=host, scheme="https"))
        assert (fetched.outcome, words in fetched.reason) == (outcome, True)


def test_https_where_only_http_is_spoken_is_told(web: Site, tmp_path: Path) -> None:
    fetched = fetcher(tmp_path).fetch(web.url("/x", scheme="https"))
    assert (fetched.outcome, "TLS failed" in fetched.reason) == (FAILED, True)


# What a body is


def test_a_byte_order_mark_hides_no_html() -> None:
    assert ending(b"\xef\xbb\xbf<!DOCTYPE html>", content_type="text/plain", path="/") == ".html"


def test_text_in_utf_16_is_text() -> None:
    assert ending("We sell nothing.".encode("utf-16"), content_type="text/plain", path="/") == ".txt"


# The command


def run(*arguments: str | Path, **options: object) -> Result:
    return CliRunner().invoke(askpolicy, ["fetch", *map(str, arguments)], **options)  # type: ignore[arg-type]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.sources.fetch_robots.DELAY_S", 0.0)


@pytest.mark.usefixtures("hurried")
def test_each_address_is_told_on_its_own_line_and_the_exit_status_is_3(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page()
    addresses = [web.url("/privacy"), web.url("/missing"), "ftp://example.com/\x07"]
    done = run(*addresses, "--out", tmp_path, "--allow-private")
    path = tmp_path / f"127.0.0.1-{web.port}" / f"privacy--{datetime.now(UTC).date()}.html"
    assert (done.exit_code, done.stderr) == (3, "")
    assert done.stdout.splitlines()[:2] == [
        f"ok         {addresses[0]}: {path}",
        f"failed     {addresses[1]}: status 404 Not Found",
    ]
    assert done.stdout.splitlines()[2].startswith("refused    ftp://example.com/?: no address")


@pytest.mark.usefixtures("hurried")
def test_addresses_come_from_files_too_each_once(web: Site, tmp_path: Path) -> None:
    web.pages |= {"/a": Page(b"<html>a"), "/b": Page(b"<html>b")}
    listed = tmp_path / "addresses.txt"
    listed.write_text(
        f"\ufeff# policies\n\n{web.url('/a')}  # the first\n  {web.url('/b#part')}\n{web.url('/a')}\n", "utf-8"
    )
    out = tmp_path / "out"
    done = run("--from", listed, "--out", out, "--allow-private", web.url("/a"))
    assert (done.exit_code, len(done.stdout.splitlines()), len(files(out))) == (0, 2, 4)
    again = run("--from", "-", "--out", out, "--allow-private", input=listed.read_bytes())
    assert (again.exit_code, [line.split()[0] for line in again.stdout.splitlines()]) == (0, ["unchanged"] * 2)


def test_private_addresses_are_refused_unless_asked_for(web: Site, tmp_path: Path) -> None:
    done = run(web.url("/privacy"), "--out", tmp_path)
    assert (done.exit_code, "give --allow-private if it is yours" in done.stdout, web.asked) == (3, True, [])


@pytest.mark.parametrize("content", [None, b"# nothing\n", b"\xff\xfe"])
def test_no_address_at_all_is_wrong_usage(tmp_path: Path, content: bytes | None) -> None:
    listed = tmp_path / "addresses.txt"
    if content is not None:
        listed.write_bytes(content)
    assert run("--out", tmp_path / "out", "--from", listed).exit_code == 2
    assert run("--out", tmp_path / "out").exit_code == 2


def test_a_folder_that_cannot_be_written_is_one_line(web: Site, tmp_path: Path) -> None:
    web.pages["/privacy"] = Page()
    (tmp_path / "file").write_text("no folder")
    done = run(web.url("/privacy"), "--out", tmp_path / "file" / "out", "--allow-private")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(f"Error: {tmp_path / 'file'}")


def test_fetch_help_needs_no_http_client() -> None:
    program = "import sys, api.command.cli; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
