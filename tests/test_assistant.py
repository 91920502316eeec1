"""The main job with the shipped model: the passage that answers, whose it is, or an honest no."""

import json
from pathlib import Path

import pytest

from index.build import build
from index.errors import BadK, BadQuestion, UnknownCompany
from index.policy_index import PolicyIndex
from qa.answers import Answer, Outcome
from qa.assistant import Assistant
from tests.conftest import SAMPLE
from tests.tiny import TinyEmbedder


def quoted(answer: Answer) -> str:
    return " ".join(evidence.text for hit in answer.hits for evidence in hit.evidence)


def test_the_question_of_the_readme_gets_its_answer(assistant: Assistant):
    answer = assistant.ask("does JivoChat notify me on acquisition?")
    first = answer.hits[0]
    assert answer.outcome is Outcome.ANSWERED
    assert "We are not obligated to notify Web site users of any such transaction." in [e.text for e in first.evidence]
    assert (first.company.name, first.passage.heading, str(first.policy.archived_on)) == (
        "JivoChat",
        ("Legal Matters.",),
        "2015-03-20",
    )


@pytest.mark.parametrize("k", [1, 3, 5, 26, 27, 100])
def test_a_company_filter_never_lets_another_company_in(assistant: Assistant, k: int):
    hits = assistant.search("do they share my data with others?", companies=["JivoChat"], k=k).hits
    assert {hit.company.id for hit in hits} == {"jivochat.com"}
    assert len(hits) == min(k, len(assistant.index.rows(["jivochat.com"])))


@pytest.mark.parametrize("question", ["does jivosite sell my data", "JivoSite, Inc. and cookies", "jivochta ads"])
def test_every_hit_belongs_to_the_company_that_the_question_names(assistant: Assistant, question: str):
    assert {hit.company.id for hit in assistant.ask(question, k=20).hits} == {"jivochat.com"}


def test_several_companies_each_get_passages(assistant: Assistant):
    answer = assistant.ask("do Mailigen and migme share data with third parties?", k=5)
    assert {hit.company.id for hit in answer.hits} == {"mailigen.com", "mig.me"}
    assert {hit.company.id for hit in answer.hits if hit.evidence} == {"mailigen.com", "mig.me"}


def test_without_a_company_the_answer_shows_who_says_what(assistant: Assistant):
    answer = assistant.ask("who takes part in the safe harbor program?")
    assert answer.hits[0].company.id == "imgwg-communications"
    assert "imgwg Communications" in answer.text


def test_evidence_is_a_verbatim_span_of_its_hit(assistant: Assistant):
    for question in ("does JivoChat sell my data?", "how do I opt out of migme mails", "imgwg server logs"):
        for hit in assistant.ask(question).hits:
            for evidence in hit.evidence:
                assert hit.passage.start <= evidence.start < evidence.end <= hit.passage.end
                assert hit.policy.text[evidence.start : evidence.end] == evidence.text


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Does Mailigen use fingerprints or face recognition?", Outcome.NOT_STATED),
        ("Does Facebook sell my data?", Outcome.UNKNOWN_COMPANY),
        ("does tiktok sell my data", Outcome.UNKNOWN_COMPANY),
        ("which headset is best for MightyCall?", Outcome.OUT_OF_SCOPE),
        ("write me a poem about the sea", Outcome.OUT_OF_SCOPE),
    ],
)
def test_the_outcomes_are_told_apart(assistant: Assistant, question: str, outcome: Outcome):
    assert assistant.ask(question).outcome is outcome


def test_no_evidence_stands_in_what_is_not_stated(assistant: Assistant):
    answer = assistant.ask("Does Mailigen use fingerprints or face recognition?")
    assert (answer.outcome, quoted(answer)) == (Outcome.NOT_STATED, "")
    assert answer.hits, "the nearest passages are listed for a person to judge"


def test_an_unknown_company_gets_nobody_elses_passages(assistant: Assistant):
    answer = assistant.ask("Does Mailijet sell my data?")
    assert (answer.outcome, answer.hits) == (Outcome.UNKNOWN_COMPANY, ())
    assert answer.unknown_companies[0].nearest == ("Mailigen",)


def test_a_known_company_is_answered_beside_an_unknown_one(assistant: Assistant):
    answer = assistant.ask("do mailigen and facebook sell my data?")
    assert answer.outcome is Outcome.ANSWERED
    assert [name.name for name in answer.unknown_companies] == ["facebook"]
    assert {hit.company.id for hit in answer.hits} == {"mailigen.com"}


def test_a_follow_up_keeps_the_topic_and_changes_the_company(assistant: Assistant):
    answer = assistant.ask("what does Mailigen say?", history=["does JivoChat sell my data?"])
    assert answer.standalone_question == "does Mailigen sell my data?"
    assert "sell or rent your personal or business data" in quoted(answer)


def test_the_same_question_gets_the_same_answer_always(assistant: Assistant):
    def told() -> str:
        answer = assistant.ask("which companies sell data?", k=20)
        return json.dumps([[hit.passage.start, hit.policy.id, hit.score] for hit in answer.hits] + [answer.text])

    assert told() == told()


@pytest.mark.parametrize(
    "question", ["", "   ", "?!", "x" * 3000, "what \x00 is", "\x01\x02\x03\x04 abc", "\u200b\u200b"]
)
def test_a_question_that_is_none_is_told(assistant: Assistant, question: str):
    with pytest.raises(BadQuestion, match="the question"):
        assistant.ask(question)


@pytest.mark.parametrize("k", [0, -1, 101, 1000])
def test_k_out_of_range_is_told(assistant: Assistant, k: int):
    with pytest.raises(BadK, match="expected 1 to 100"):
        assistant.ask("does JivoChat sell my data?", k=k)


def test_an_unknown_company_given_is_told_with_the_nearest(assistant: Assistant):
    with pytest.raises(UnknownCompany, match="did you mean JivoChat"):
        assistant.ask("do they sell data?", companies=["jivo-chatt.com"])


def test_right_to_left_marks_change_nothing(assistant: Assistant):
    plain = assistant.ask("does JivoChat sell my data?")
    marked = assistant.ask("does \u202eJivoChat\u202c sell my data?")
    assert [hit.passage for hit in plain.hits] == [hit.passage for hit in marked.hits]


def test_a_company_that_k_cut_off_is_not_said_to_be_silent(assistant: Assistant):
    answer = assistant.ask("do Mailigen and migme sell my data?", k=1)
    assert "does not say" not in answer.text


def test_without_a_company_each_is_judged_by_its_own_policy(assistant: Assistant):
    answer = assistant.ask("which companies use web beacons?")
    assert {"migme", "MightyCall", "JivoChat", "Mailigen"} <= {hit.company.name for hit in answer.hits if hit.evidence}


@pytest.mark.parametrize(
    "text",
    ["hello", "thanks a lot", "who are you?", "Verkauft ihr meine Daten an andere Firmen?", "Gracias, ¿y mis datos?"],
)
def test_what_is_no_question_finds_nothing_of_a_company_that_was_not_given(assistant: Assistant, text: str):
    found = assistant.search(text, companies=["migme"], k=10)
    assert {hit.company.name for hit in found.hits} <= {"migme"}


def test_small_talk_is_out_of_scope(assistant: Assistant):
    assert assistant.ask("hello").outcome is Outcome.OUT_OF_SCOPE


def test_a_question_after_an_unknown_company_is_free_of_it(assistant: Assistant):
    answer = assistant.ask("how do I opt out of marketing?", history=["does Mailchimp sell data?"])
    assert answer.outcome is Outcome.ANSWERED


def test_a_question_of_several_things_gets_an_answer_to_each(assistant: Assistant):
    answer = assistant.ask("does Mailigen sell my data, and how do I unsubscribe from their mails?")
    assert [part.question for part in answer.parts] == [
        "does Mailigen sell my data",
        "and how do I unsubscribe from their mails?",
    ]
    assert all(f"{part.question}: {part.text}" in answer.text for part in answer.parts)
    assert "sell" in answer.parts[0].text


def test_without_a_company_every_company_is_told(assistant: Assistant):
    answer = assistant.ask("which companies use web beacons?", k=1)
    assert {said.company.name for said in answer.verdicts} == {c.name for c in assistant.index.companies.values()}
    assert all(said.company.name in answer.text for said in answer.verdicts)
    assert answer.next_offset is None


def test_companies_are_paged_and_none_is_left_out(assistant: Assistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.assistant.COMPANIES_A_PAGE", 2)
    asked: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = assistant.ask("do they sell my data?", offset=offset)
        asked += [said.company.id for said in answer.verdicts]
        offset = answer.next_offset
    assert sorted(asked) == sorted(assistant.index.companies)


def test_verdicts_come_as_the_companies_were_named(assistant: Assistant):
    answer = assistant.ask("do they read my mails?", companies=["migme", "JivoChat", "Mailigen"])
    assert [said.company.name for said in answer.verdicts] == ["migme", "JivoChat", "Mailigen"]


def test_with_another_model_scores_are_told_as_not_calibrated(assistant: Assistant, tmp_path: Path):
    build([SAMPLE], tmp_path, embedder=TinyEmbedder())
    other = Assistant(PolicyIndex.open(tmp_path, embedder=TinyEmbedder()), TinyEmbedder())
    assert not other.ask("does JivoChat sell my data?").calibrated
    assert assistant.ask("does JivoChat sell my data?").calibrated
