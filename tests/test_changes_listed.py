"""What changed is listed by the command, over HTTP and as a feed: the newest first, each change on one page."""

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx
import pytest
from click.testing import CliRunner

from api.command.cli import askpolicy
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.changes import Period, changes_page, every_change
from tests.api_support import client, problem
from tests.test_history import KEPT, PATH, Archive, index_of
from tests.tiny import TinyEmbedder

OTHER = "Carrierly__Privacy_Policy.md"
ATOM = "{http://www.w3.org/2005/Atom}"


def voice(days: str) -> str:
    return f"We keep recordings of your <b>voice</b> & your *name* for {days} days after you sent them."


def text(days: str, *, more: str = "", updated: str = "3 May 2020") -> str:
    return f"# Privacy Policy\n\nLast updated: {updated}\n\n{KEPT}\n\n## Storage\n\n{voice(days)}\n{more}"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    folder = tmp_path_factory.mktemp("changes")
    made = Archive(folder / "acme-versions")
    made.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{PATH: text("ten")})
    made.commit("2020-05-01", "First record of Carrierly Privacy Policy", **{OTHER: text("two")})
    made.commit("2021-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: text("nine")})
    made.commit(
        "2021-03-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: text("nine", updated="4 June 2021")}
    )
    upgraded = text("nine", more="\nMenu of this page and all others\n", updated="4 June 2021")
    made.commit("2021-06-01", "Apply technical or declaration upgrade on Pebblemail Privacy Policy", **{PATH: upgraded})
    sold = upgraded + "\nWe sell your address to whoever pays for it.\n"
    made.commit("2022-02-01", "Record new changes of Pebblemail Privacy Policy", **{PATH: sold})
    made.commit("2022-03-01", "Record new changes of Carrierly Privacy Policy", **{OTHER: text("three")})
    return index_of(made, folder / "index")


@pytest.fixture(scope="module")
def asking(index: PolicyIndex) -> Iterator[httpx.Client]:
    with client(Assistant(index, TinyEmbedder())) as made:
        yield made


def listed(body: dict[str, list[dict[str, object]]]) -> list[tuple[str, str, list[str]]]:
    return [
        (str(one["day"]), one["company"]["id"], [passage["kind"] for passage in one["passages"]])  # type: ignore[index, attr-defined]
        for one in body["changes"]
    ]


EVERY = [
    ("2022-03-01", "carrierly", ["reworded"]),
    ("2022-02-01", "pebblemail", ["added"]),
    ("2021-02-01", "pebblemail", ["reworded"]),
    ("2020-05-01", "carrierly", []),
    ("2020-02-01", "pebblemail", []),
]


def test_versions_that_say_something_else_are_listed_the_newest_first(asking: httpx.Client):
    assert listed(asking.get("/v1/changes").json()) == EVERY


def test_a_change_gives_both_versions_their_places_and_the_changed_words(asking: httpx.Client, index: PolicyIndex):
    (changed,) = asking.get("/v1/changes", params={"company": "Pebblemail", "until": "2021-12-31", "limit": 1}).json()[
        "changes"
    ]
    (passage,) = changed["passages"]
    assert (changed["before"]["archived_on"], changed["after"]["archived_on"]) == ("2020-02-01", "2021-02-01")
    for side, days in (("before", "ten"), ("after", "nine")):
        stood = passage[side]
        assert stood["text"] == index.policy(changed[side]["id"]).text[stood["start"] : stood["end"]] == voice(days)
        assert [one["text"] for one in stood["segments"] if one["changed"]] == [days]
        assert stood["heading"] == "Storage"
    assert changed["counts"] == {"added": 0, "removed": 0, "reworded": 1, "moved": 0, "technical": 0}


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_hold_every_change_once(asking: httpx.Client, limit: int):
    found, after = [], ""
    for _ in range(20):
        body = asking.get("/v1/changes", params={"limit": limit, "after": after}).json()
        found += listed(body)
        after = body["next"]
        if after is None:
            break
    assert found == EVERY


def test_a_page_compares_no_more_than_a_bounded_number_of_versions(index: PolicyIndex, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.changes._MOST_COMPARED", 2)
    found, after, pages = [], "", 0
    while True:
        page = changes_page(index, sorted(index.companies), limit=50, after=after)
        found += [(str(one.day), one.company.id) for one in page.versions]
        pages += 1
        if page.next is None:
            break
        after = page.next
    assert (found, pages) == ([(day, company) for day, company, _ in EVERY], 4)


def test_technical_changes_are_counted_and_listed_where_asked_for(asking: httpx.Client):
    assert all(kind != "technical" for *_, kinds in listed(asking.get("/v1/changes").json()) for kind in kinds)
    body = asking.get("/v1/changes", params={"company": "pebblemail", "technical": "true"}).json()
    assert listed(body)[0] == ("2022-02-01", "pebblemail", ["added"])


def test_a_period_holds_the_days_that_it_names(asking: httpx.Client):
    body = asking.get("/v1/changes", params={"since": "2021-02-01", "until": "2022-02-01"}).json()
    assert listed(body) == EVERY[1:3]


def test_only_documents_of_a_type_are_listed(asking: httpx.Client):
    assert asking.get("/v1/changes", params={"type": "Terms of Service"}).json()["changes"] == []


@pytest.mark.parametrize("parameters", [{"since": "yesterday"}, {"limit": 0}, {"limit": 51}, {"until": "2021-02-31"}])
def test_what_is_no_parameter_is_refused(asking: httpx.Client, parameters: dict[str, str]):
    assert problem(asking.get("/v1/changes", params=parameters)) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("address", ["/v1/changes", "/v1/changes.atom"])
def test_an_unknown_company_is_told(asking: httpx.Client, address: str):
    assert problem(asking.get(address, params={"company": "Nobody"})) == (422, "/problems/unknown-company")


@pytest.mark.parametrize("address", ["/v1/changes", "/v1/changes.atom?company=pebblemail"])
def test_what_has_not_changed_is_not_sent_again(asking: httpx.Client, address: str):
    first = asking.get(address)
    again = asking.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_feed_is_atom(asking: httpx.Client):
    response = asking.get("/v1/changes.atom", params={"company": "Pebblemail"})
    assert response.headers["content-type"].startswith("application/atom+xml")
    feed = ET.fromstring(response.content)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}updated") for entry in entries] == [
        "2022-02-01T00:00:00+00:00",
        "2021-02-01T00:00:00+00:00",
        "2020-02-01T00:00:00+00:00",
    ]
    # RFC 4287, 4.1.1 and 4.1.2: exactly one id, title and updated of each; an author; ids that differ
    for element in (feed, *entries):
        assert [len(element.findall(f"{ATOM}{name}")) for name in ("id", "title", "updated")] == [1, 1, 1]
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    ids = [element.findtext(f"{ATOM}id") or "" for element in (feed, *entries)]
    assert len({*ids}) == len(ids)
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", one) for one in ids)
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self"}
    assert {len(entry.findall(f"{ATOM}link[@rel='alternate']")) for entry in entries} == {1}


def test_a_feeds_links_lead_to_the_policies(asking: httpx.Client):
    feed = ET.fromstring(asking.get("/v1/changes.atom", params={"company": "Pebblemail"}).content)
    for link in feed.findall(f"{ATOM}entry/{ATOM}link"):
        address = asking.base_url.join("/v1/changes.atom").join(link.get("href") or "")
        assert asking.get(address).status_code == 200


def test_words_of_a_policy_are_no_markup_in_a_feed(asking: httpx.Client):
    feed = ET.fromstring(asking.get("/v1/changes.atom", params={"company": "Pebblemail"}).content)
    content = feed.findall(f"{ATOM}entry/{ATOM}content")[1]
    assert content.get("type") == "html"
    assert "voice &amp; your name for <del>ten</del> days" in " ".join((content.text or "").split())


def test_a_feeds_ids_stay_when_the_index_is_built_anew(index: PolicyIndex):
    from datetime import UTC, datetime

    from api.wire.atom import feed_of

    changes = list(every_change(index, ["pebblemail"], period=Period()))
    feeds = [
        feed_of(index.companies["pebblemail"], changes, built_at=datetime(year, 1, 1, tzinfo=UTC))
        for year in (2020, 2030)
    ]
    assert feeds[0] == feeds[1]


def run(index: PolicyIndex, *arguments: str) -> str:
    folder = index.segments[0].folder.parents[2]
    done = CliRunner().invoke(
        askpolicy, ["changes", "--index", str(folder), *arguments], obj=lambda _: TinyEmbedder(), catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_prints_the_objects_of_the_service(index: PolicyIndex, asking: httpx.Client):
    lines = [json.loads(line) for line in run(index, "--format", "json").splitlines()]
    assert lines == asking.get("/v1/changes").json()["changes"]


def test_the_command_prints_what_changed_for_people(index: PolicyIndex):
    shown = run(index, "--company", "pebblemail", "--since", "2021-01-01")
    assert "2022-02-01 Pebblemail, Privacy Policy (before: 2021-06-01): 1 added" in shown
    assert "reworded under “Storage”" in shown
    assert "your name for ten days" in shown
    assert run(index, "--since", "2030-01-01") == ""


def test_the_command_prints_markdown(index: PolicyIndex):
    shown = run(index, "--company", "pebblemail", "--format", "md")
    assert "for ~~ten~~ days" in shown
    assert "for **nine** days" in shown
