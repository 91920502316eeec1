"""What is measured of a system's hits: breaking a system on purpose shows in its figures as it should."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from eval.compare import compare
from eval.figures import by_name, figures, right_outcome, table
from eval.questions import Document, Setting, Span, Task, Unit
from eval.run_folder import Run, TaskRun
from eval.running import Row, run
from eval.systems import Dense, system_over
from qa.assistant import Assistant
from tests.eval_support import ACME, BOLT, Scripted, question, span
from tests.tiny import TinyEmbedder

QUESTIONS = tuple(question(f"q{number}", ACME, number) for number in range(4))
RIGHT = {f"q{number}": [span(ACME, number), span(ACME, (number + 1) % 4)] for number in range(4)}


def rows(script: dict[str, list[Span]], **options: object) -> list[Row]:
    return run(Scripted(script, **options), QUESTIONS, (ACME, BOLT), setting=Setting.PER_POLICY)  # type: ignore[arg-type]


def value(found: list[Row], name: str) -> float:
    return by_name(figures(found))[f"answerable: {name}"].value


def test_a_system_that_is_always_right_has_full_marks():
    found = rows(RIGHT)
    assert [value(found, name) for name in ("S@1", "MRR@10", "nDCG@10", "char P@1", "char R@1")] == [1.0] * 5


def test_returning_nothing_for_a_question_costs_its_share_and_is_told():
    broken = rows(RIGHT | {"q2": []})
    figure = by_name(figures(broken))["answerable: S@1"]
    assert (figure.value, figure.n) == (0.75, 4)
    assert by_name(figures(broken))["answerable questions that got nothing"].value == 1
    assert value(broken, "nDCG@10") == 0.75
    assert value(broken, "char P@1") == 0.75


def test_returning_a_span_twice_gains_nothing_costs_a_place_and_is_told():
    wanted = question("q", ACME, 0, 1)
    twice, once = [span(ACME, 0), span(ACME, 0), span(ACME, 1)], [span(ACME, 0), span(ACME, 1)]
    broken, whole = (
        run(Scripted({"q": script}), [wanted], (ACME, BOLT), setting=Setting.PER_POLICY) for script in (twice, once)
    )
    assert [hit.relevant for hit in broken[0].hits] == [True, False, True]
    assert value(whole, "nDCG@10") == pytest.approx(1.0)
    assert value(broken, "nDCG@10") < 1.0
    assert broken[0].measures["char R@2"] < whole[0].measures["char R@2"] == 1.0
    assert broken[0].measures["char P@2"] == pytest.approx(0.5)
    assert by_name(figures(broken))["questions with a hit returned twice"].value == 1
    assert "questions with a hit returned twice" not in by_name(figures(whole))


def test_shuffling_hits_of_equal_score_shows_as_what_it_is_another_ranking():
    shuffled = rows(RIGHT | {"q1": list(reversed(RIGHT["q1"]))})
    whole = rows(RIGHT)
    assert {hit.score for row in shuffled for hit in row.hits} == {0.5}
    assert (value(whole, "S@1"), value(shuffled, "S@1")) == (1.0, 0.75)
    changed = compare(as_run(whole), as_run(shuffled))[0].changed
    assert [(before.id, before.rank, after.rank) for before, after in changed] == [("q1", 1, 2)]


def as_run(found: list[Row]) -> Run:
    return Run(
        "r", {}, {}, "", 0.0, (TaskRun("t", "t", "s", "dev", True, "x", "same", "pool", {}, {}, (), tuple(found)),)
    )


def test_equal_scores_stand_in_reading_order_however_the_passages_came():
    same = Document("same.md", "We log all.\n\nWe log all.\n\nWe log all.", "Same", ())
    spans = [Span("same.md", start, start + 11) for start in (0, 13, 26)]
    embedder = TinyEmbedder()
    vectors = embedder.embed_passages(["We log all."] * 3)
    found = Dense(spans, vectors, embedder, manifest={}).ask(question("q", ACME), setting=Setting.OPEN, k=3)
    assert found.spans == tuple(spans)
    assert len(set(found.scores)) == 1
    assert same.text[13:24] == "We log all."


def test_hits_of_another_company_are_counted_where_the_company_is_known():
    found = run(Scripted({"q0": [span(BOLT, 0), span(ACME, 0)]}), QUESTIONS[:1], (ACME, BOLT), setting=Setting.OPEN)
    assert by_name(figures(found))["wrong-company@5, companies named"].value == 0.5
    assert found[0].rank == 2


class Listening(Assistant):
    """An assistant that writes down what it is asked."""

    asked: ClassVar[list[tuple[str, tuple[str, ...]]]] = []

    def ask(self, question, *, companies=(), **options):
        self.asked.append((question, tuple(companies)))
        return super().ask(question, companies=companies, **options)


def test_the_company_is_given_per_policy_and_in_the_open_setting_only_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("eval.systems.Assistant", Listening)
    system = system_over((ACME, BOLT), tmp_path, name="askpolicy", embedder=TinyEmbedder(), units="given")
    beside = question("q1", ACME, 1, given=("acme",))
    Listening.asked.clear()
    for asked in (QUESTIONS[0], beside):
        for setting in (Setting.PER_POLICY, Setting.OPEN):
            system.ask(asked, setting=setting, k=1)
    assert Listening.asked == [
        ("question q0", ("acme",)),
        ("Acme: question q0", ()),
        ("question q1", ("acme",)),
        ("Acme: question q1", ()),
    ]


@pytest.mark.parametrize("titled", [True, False])
def test_a_baseline_tells_companies_apart_by_names_before_passages_alone(tmp_path: Path, titled: bool):
    seen = []

    class Reading(TinyEmbedder):
        def embed_passages(self, texts, *, progress=None):
            seen.extend(texts)
            return super().embed_passages(texts, progress=progress)

    system_over((BOLT,), tmp_path, name="dense", embedder=Reading(), units="given", titled=titled)
    assert seen[0] == ("Bolt " if titled else "") + BOLT.units[0].text


def test_intervals_are_over_policies_not_questions():
    asked = [question(f"a{n}", ACME, 0) for n in range(9)] + [question(f"b{n}", BOLT, 0) for n in range(9)]
    script = {f"a{n}": [span(ACME, 0)] for n in range(9)}
    found = run(Scripted(script), asked, (ACME, BOLT), setting=Setting.PER_POLICY)
    figure = by_name(figures(found))["answerable: S@1"]
    assert (figure.low, figure.value, figure.high) == (0.0, 0.5, 1.0)
    every = {**script, **{f"b{n}": [span(BOLT, 0)] for n in range(9)}}
    better = run(Scripted(every), asked, (ACME, BOLT), setting=Setting.PER_POLICY)
    difference = next(d for d in compare(as_run(found), as_run(better))[0].differences if d.measure == "S@1")
    assert (difference.low, difference.high) == (0.0, 1.0)


def test_a_company_written_in_two_ways_is_one():
    twice = replace(BOLT, company="ACME")
    found = run(Scripted({"q0": [span(BOLT, 0)]}), QUESTIONS[:1], (ACME, twice), setting=Setting.OPEN)
    assert by_name(figures(found))["wrong-company@5, companies named"].value == 0.0


def test_a_shallow_run_tells_nothing_of_deeper_ranks():
    found = run(Scripted(RIGHT), QUESTIONS, (ACME, BOLT), setting=Setting.PER_POLICY, depth=1)
    assert set(found[0].measures) == {"S@1", "char P@1", "char R@1"}


def test_of_an_unknown_company_its_own_name_must_be_told():
    class Naming(Scripted):
        def ask(self, question, *, setting, k):
            return replace(super().ask(question, setting=setting, k=k), unknown=("Initech Ltd",))

    asked = [
        replace(question(name, ACME), kind="unknown_company", unknown=(name,), policy_files=())
        for name in ("Initech", "Hooli")
    ]
    found = run(Naming({}, outcome="unknown_company"), asked, (ACME, BOLT), setting=Setting.OPEN)
    assert [right_outcome(row) for row in found] == [True, False]


def test_a_label_that_no_passage_holds_still_counts_as_something_to_find():
    lone = Document("acme.md", ACME.text, "Acme", ())
    system = Scripted({"q0": [span(ACME, 0)]})
    system.spans = [span(ACME, 1)]
    row = run(system, QUESTIONS[:1], (lone,), setting=Setting.PER_POLICY)[0]
    assert row.relevant_in_all == 1


def test_a_splitter_that_cuts_finer_is_scored_by_overlap():
    whole = span(ACME, 0)
    halves = [Span("acme.md", whole.start, 20), Span("acme.md", 20, whole.end)]
    system = Scripted({"q0": [halves[1], span(ACME, 1), halves[0]]})
    system.spans = [*halves, span(ACME, 1)]
    row = run(system, QUESTIONS[:1], (ACME,), setting=Setting.PER_POLICY)[0]
    assert (row.relevant_in_all, [hit.relevant for hit in row.hits]) == (2, [True, False, True])
    assert row.measures["char R@3"] == 1.0
    assert row.measures["nDCG@10"] < 1.0


def test_generic_questions_are_asked_but_not_ranked():
    generic = question("g", ACME, 0, generic=True)
    found = run(Scripted({}), [generic, *QUESTIONS], (ACME, BOLT), setting=Setting.PER_POLICY)
    assert by_name(figures(found))["answerable: S@1"].n == 4


def test_of_an_incomplete_set_only_success_and_reciprocal_rank_are_told():
    names = [figure.name for figure in figures(rows(RIGHT), complete=False) if figure.name.startswith("answerable:")]
    assert names == ["answerable: S@1", "answerable: S@3", "answerable: S@10", "answerable: MRR@10"]


def test_outcomes_are_judged_only_where_a_system_gives_any():
    assert not [figure for figure in figures(rows(RIGHT)) if "outcome" in figure.name]
    answered = by_name(figures(rows(RIGHT, outcome="answered")))
    assert answered["answerable: right outcome"].value == 1.0
    assert by_name(figures(rows(RIGHT, outcome="not_stated")))["answerable: wrongly refused"].value == 1.0


def test_a_table_shows_every_figure_with_its_number_of_questions():
    shown = table(figures(rows(RIGHT)))
    assert shown.splitlines()[1].split() == ["answerable:", "S@1", "1.000", "4"]


def test_a_document_without_units_is_cut_at_its_paragraphs():
    from eval.systems import units_of

    text = "One.\n\n  Two, with a space before.\n\n\n\nThree."
    found = units_of(Document("d.md", text, "D", ()))
    assert [text[unit.start : unit.end] for unit in found] == ["One.", "Two, with a space before.", "Three."]
    assert units_of(ACME) == ACME.units
    assert isinstance(found[0], Unit)
    assert Task("t", (ACME,), QUESTIONS).settings == (Setting.PER_POLICY, Setting.OPEN)
