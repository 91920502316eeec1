"""Questions of time are answered from the versions held: what changed, both texts, both days; or that nothing tells."""

from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from rich.console import Console

from api.command.cli import askpolicy
from api.command.terminal import print_answer
from api.wire.schemas import AskResponse
from index.build import build
from index.embedding import Embedder
from index.errors import DeadlineExceeded
from index.policy_index import PolicyIndex
from qa.answers import Outcome, Verdict
from qa.assistant import Assistant
from qa.deadline import Deadline
from qa.reading.reader import OnnxReader
from tests.api_support import client, problem
from tests.mcp_support import call, links, with_client, words
from tests.test_history import PATH, Archive

TERMS = "Pebblemail__Terms_of_Service.md"
CARRIERLY = "Carrierly__Privacy_Policy.md"
COOKIES = "We use cookies to remember your language and to keep you signed in."
NEVER = "We do not sell your personal information to anybody."
SELLS = "We sell your personal information to data brokers."
OLD_KEEPS, KEEPS = (
    f"We keep your messages for {days} after you delete your account." for days in ("ninety days", "one year")
)


def text(*paragraphs: str) -> str:
    return "\n\n".join(["# Privacy Policy", "This policy tells how Pebblemail treats your data.", *paragraphs, ""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    folder = tmp_path_factory.mktemp("time")
    made = Archive(folder / "acme-versions")
    new = "Record new changes of Pebblemail Privacy Policy"
    made.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{PATH: text(COOKIES, NEVER, OLD_KEEPS)})
    made.commit("2020-03-01", "First record of Carrierly Privacy Policy", **{CARRIERLY: text(COOKIES, SELLS)})
    made.commit("2021-02-01", new, **{PATH: text(COOKIES, NEVER, KEEPS)})
    # a page that was not recorded whole, for a week
    made.commit("2021-05-01", new, **{PATH: text(COOKIES, NEVER)})
    made.commit("2021-05-08", new, **{PATH: text(COOKIES, NEVER, KEEPS)})
    upgraded = text(f"**{COOKIES}**", NEVER, KEEPS)
    made.commit("2022-01-01", "Apply technical or declaration upgrade on Pebblemail Privacy Policy", **{PATH: upgraded})
    made.commit("2023-02-01", new, **{PATH: text(COOKIES, SELLS, KEEPS)})
    build([], folder / "index", embedder=embedder, histories=[made.folder])
    return folder / "index"


@pytest.fixture(scope="module")
def historic(folder: Path, embedder: Embedder, reader: OnnxReader) -> Assistant:
    return Assistant(PolicyIndex.open(folder, embedder=embedder), embedder, reader=reader)


@pytest.fixture(scope="module")
def asking(historic: Assistant) -> Iterator[httpx.Client]:
    with client(historic, answer_timeout_s=60.0) as made:
        yield made


def days(historic: Assistant, question: str, **more: object) -> list[tuple[str, str]]:
    """The days before and after each change of the answer to `question`."""
    answer = historic.ask(question, **more)  # type: ignore[arg-type]
    assert answer.history is not None
    (company,) = answer.history.companies
    return [(str(change.before.archived_on), str(change.day)) for change in company.changes]


@pytest.mark.parametrize(
    ("question", "pair"),
    [
        ("has Pebblemail changed how long it keeps my messages?", ("2020-02-01", "2021-02-01")),
        ("when did Pebblemail start to sell personal information?", ("2022-01-01", "2023-02-01")),
        ("since when does Pebblemail sell my personal information to data brokers?", ("2022-01-01", "2023-02-01")),
        ("did Pebblemail use to sell personal information?", ("2022-01-01", "2023-02-01")),
        ("how did Pebblemail's retention of messages change in 2021?", ("2020-02-01", "2021-02-01")),
    ],
)
def test_the_versions_before_and_after_are_told(historic: Assistant, question: str, pair: tuple[str, str]):
    assert days(historic, question)[0] == pair


def test_both_texts_stand_in_their_versions(historic: Assistant):
    answer = historic.ask("has Pebblemail changed how long it keeps my messages?")
    assert answer.history is not None
    change = answer.history.companies[0].changes[0]
    (passage,) = change.passages
    assert passage.before is not None
    assert passage.after is not None
    assert [side.text for side in (passage.before, passage.after)] == [OLD_KEEPS, KEEPS]
    for policy, side in ((change.before, passage.before), (change.after, passage.after)):
        assert side.policy.id == policy.id
        assert [policy.text[start:end] for start, end in side.evidence] == [side.text]
    for told in (OLD_KEEPS, KEEPS, "2020-02-01", "2021-02-01"):
        assert told in answer.text


def test_verdicts_before_and_after_are_those_of_their_days(historic: Assistant):
    answer = historic.ask("since when does Pebblemail sell my personal information?")
    assert answer.history is not None
    change = answer.history.companies[0].changes[0]
    question = answer.history.timing.asked
    alone = [
        historic.ask(question, companies=["Pebblemail"], as_of=date.fromisoformat(day)).verdicts[0]
        for day in ("2022-01-01", "2023-02-01")
    ]
    assert [(said.outcome, said.verdict, said.probability) for said in (change.was, change.now) if said] == [
        (said.outcome, said.verdict, said.probability) for said in alone
    ]
    assert [said.verdict for said in alone] == [Verdict.NO, Verdict.YES]
    assert change.flipped


def test_what_never_changed_is_told_to_be_at_least_as_old_as_the_oldest_version(historic: Assistant):
    answer = historic.ask("since when does Pebblemail use cookies?")
    assert answer.history is not None
    (company,) = answer.history.companies
    assert (company.unchanged_since, company.changes) == (date(2020, 2, 1), ())
    assert "at least since 2020-02-01, the oldest version held" in answer.text
    assert COOKIES in answer.text


def test_a_technical_change_and_a_page_not_recorded_whole_are_no_changes(historic: Assistant):
    assert days(historic, "has Pebblemail changed how long it keeps my messages?") == [("2020-02-01", "2021-02-01")]
    assert days(historic, "has Pebblemail changed how it uses cookies?") == []


def test_one_version_tells_no_change(historic: Assistant):
    answer = historic.ask("when did Carrierly start to sell personal information?")
    assert "Only one version of Carrierly's policy is held, of 2020-03-01" in answer.text
    assert SELLS in answer.text
    listed = historic.ask("what changed in Carrierly's policy?")
    assert (listed.outcome, listed.history is not None) == (Outcome.NOT_STATED, True)
    assert "no change can be seen" in listed.text


def test_days_before_the_oldest_version_are_told_to_be_unknown(historic: Assistant):
    for question in (
        "what changed in Pebblemail's policy in 2018?",
        "did Pebblemail sell personal information in 2018?",
    ):
        assert "The oldest version held of Pebblemail's policy is of 2020-02-01" in historic.ask(question).text


def test_a_year_without_a_change_is_told_and_no_more(historic: Assistant):
    answer = historic.ask("has Pebblemail changed how long it keeps my messages in 2022?")
    assert "No change of this was found between 2022-01-01 and 2022-12-31." in answer.text
    assert "at least since" not in answer.text


def test_changes_of_a_year_are_listed(historic: Assistant):
    assert days(historic, "what changed in Pebblemail's policy in 2023?") == [("2022-01-01", "2023-02-01")]
    assert days(historic, "what changed in Pebblemail's policy in 2022?") == []
    assert ("2020-02-01", "2021-02-01") in days(historic, "what has changed in Pebblemail's policy?")


def test_a_day_given_beside_the_question_hides_what_came_later(historic: Assistant):
    asked = "when did Pebblemail start to sell personal information?"
    answer = historic.ask(asked, as_of=date(2022, 6, 1))
    assert answer.history is not None
    (company,) = answer.history.companies
    assert company.newest == date(2022, 1, 1)
    assert not any(change.flipped or change.is_sure for change in company.changes)
    assert SELLS not in answer.text


def test_a_follow_up_is_answered_from_the_versions(historic: Assistant):
    asked = ["does Pebblemail sell my personal information?"]
    assert days(historic, "since when?", history=asked)[0] == ("2022-01-01", "2023-02-01")


def test_an_assistant_of_other_companies_tells_none_of_it(historic: Assistant):
    answer = historic.restricted(["carrierly"]).ask("when did Pebblemail start to sell personal information?")
    assert answer.history is None
    assert SELLS not in answer.text


def test_it_ends_at_its_deadline(historic: Assistant):
    with pytest.raises(DeadlineExceeded):
        historic.ask("when did Pebblemail start to sell my data?", deadline=Deadline.after(0.0))


def test_http_tells_the_history(asking: httpx.Client):
    body = asking.post("/v1/ask", json={"question": "when did Pebblemail start to sell personal information?"}).json()
    history = body["history"]
    assert (history["kind"], history["question"]) == ("since", "does the company sell personal information?")
    (company,) = history["companies"]
    assert (company["oldest"], company["newest"], company["unchanged_since"]) == ("2020-02-01", "2023-02-01", None)
    change = company["changes"][0]
    assert (change["before"]["archived_on"], change["day"], change["flipped"]) == ("2022-01-01", "2023-02-01", True)
    passage = change["passages"][0]
    assert [passage[side]["text"] for side in ("before", "after")] == [NEVER, SELLS]
    for side in ("before", "after"):
        policy = asking.get(f"/v1/policies/{change[side]['id']}").json()["text"]
        assert [policy[span["start"] : span["end"]] for span in passage[side]["spans"]] == [passage[side]["text"]]
    assert asking.post("/v1/ask", json={"question": "does Pebblemail use cookies?"}).json()["history"] is None


def test_http_streams_a_question_of_time(asking: httpx.Client):
    body = asking.post(
        "/v1/ask", json={"question": "what changed in Pebblemail's policy?"}, headers={"Accept": "text/event-stream"}
    ).text
    assert [line for line in body.splitlines() if line.startswith("event:")] == [
        "event: companies",
        "event: passages",
        "event: answer",
    ]


def test_the_terminal_tells_both_texts(historic: Assistant):
    shown = Console(file=StringIO(), width=200)
    answer = historic.ask("has Pebblemail changed how long it keeps my messages?")
    print_answer(shown, AskResponse.of(answer, took_ms=1.0))
    printed = shown.file.getvalue()  # type: ignore[attr-defined]
    assert f"Before (2020-02-01): “{OLD_KEEPS}”" in printed
    assert f"After (2021-02-01): “{KEEPS}”" in printed


def test_changes_tell_which_verdicts_of_a_checklist_flipped(asking: httpx.Client):
    body = asking.get("/v1/changes", params={"company": "Pebblemail", "checklist": "ccpa", "limit": 1}).json()
    (changed,) = body["changes"]
    flipped = {flip["question"]: (flip["before"]["verdict"], flip["after"]["verdict"]) for flip in changed["flips"]}
    assert ("no", "yes") in flipped.values()
    without = asking.get("/v1/changes", params={"company": "Pebblemail", "limit": 1}).json()
    assert without["changes"][0]["flips"] is None
    assert without["next"] == body["next"]


def test_pages_with_a_checklist_hold_every_change_once(asking: httpx.Client):
    whole = asking.get("/v1/changes").json()["changes"]
    found, after = [], ""
    for _ in range(20):
        body = asking.get("/v1/changes", params={"checklist": "ccpa", "limit": 2, "after": after}).json()
        found += [(change["day"], change["company"]["id"]) for change in body["changes"]]
        after = body["next"]
        if after is None:
            break
    assert found == [(change["day"], change["company"]["id"]) for change in whole]


def test_a_page_with_a_checklist_ends_where_the_time_does(historic: Assistant, monkeypatch: pytest.MonkeyPatch):
    from qa.changes import changes_page
    from qa.flips import checked, checked_page

    page = changes_page(historic.index, ["pebblemail"], limit=3)
    asked: list[str] = []

    def two_in_time(*arguments: object, **more: object) -> object:
        asked.append("")
        if len(asked) > 2:
            raise DeadlineExceeded
        return checked(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("qa.flips.checked", two_in_time)
    found, following = checked_page(historic, page, ["does it sell data?"], deadline=Deadline.after(3_600))
    assert [each.changed for each in found] == list(page.versions[:2])
    rest = changes_page(historic.index, ["pebblemail"], limit=1, after=following or "")
    assert rest.versions[0].after.id == page.versions[2].after.id
    with pytest.raises(DeadlineExceeded):
        checked_page(historic, page, ["does it sell data?"], deadline=Deadline.after(3_600))


def test_a_checklist_that_does_not_ship_is_refused(asking: httpx.Client):
    for name in ("gpdr", "../consumer", "/etc/passwd"):
        assert problem(asking.get("/v1/changes", params={"checklist": name})) == (422, "/problems/bad-checklist")


def test_the_command_tells_what_flipped(folder: Path, embedder: Embedder, tmp_path: Path):
    own = tmp_path / "own.toml"
    own.write_text('[[items]]\nid = "sell"\nquestion = "Is my personal information sold?"\n', encoding="utf-8")
    options = ["changes", "--index", str(folder), "--company", "Pebblemail", "--since", "2023-01-01"]
    done = CliRunner().invoke(askpolicy, [*options, "--checklist", str(own)], obj=lambda _: embedder)
    assert done.exit_code == 0, done.output
    assert "flipped: Is my personal information sold? no → yes" in done.stdout
    assert [f"{sign} “{words}”" in done.stdout for sign, words in (("-", NEVER), ("+", SELLS))] == [True, True]
    wrong = CliRunner().invoke(askpolicy, [*options, "--checklist", "gpdr"], obj=lambda _: embedder)
    assert wrong.exit_code != 0
    assert "did you mean gdpr?" in wrong.output


def test_mcp_tells_and_links_both_texts(asking: httpx.Client):
    work = call("ask", question="has Pebblemail changed how long it keeps my messages?")
    result = with_client(f"{asking.base_url}/mcp".replace("//mcp", "/mcp"), work)
    assert all(keeps in words(result) for keeps in (OLD_KEEPS, KEEPS))
    assert len({link.partition("?")[0].partition("#")[0] for link in links(result)}) == 2
