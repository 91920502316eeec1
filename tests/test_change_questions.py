"""The task `changes`: labels about versions of an archive, asked of an index of its whole history."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from eval.drawn_changes import Telling, drawn_pairs, telling
from eval.drawn_flips import judged
from eval.measuring import Options, measure
from eval.questions import LabelError
from eval.run_folder import TaskRun
from eval.tasks.changes import BUNDLE, change_questions, changes_task
from eval.told_histories import told_history
from index.policies.passages import Passage
from qa.answers import Answer, CompanyVerdict, Outcome, Quotation
from qa.assistant import Assistant
from tests.test_history import KEPT, PATH, Archive, index_of
from tests.tiny import TinyEmbedder

TEN = "We keep the recordings of your voice for ten days and no longer."
NINE = TEN.replace("ten days", "nine days")
CHANGED = {
    "id": "c1",
    "kind": "changed",
    "split": "dev",
    "question": "Has Pebblemail changed how long it keeps voice recordings?",
    "company": "Pebblemail",
    "type": "Privacy Policy",
    "before": {"day": "2020-02-01", "quote": TEN},
    "after": {"day": "2021-02-01", "quote": NINE},
}
UNCHANGED = CHANGED | {"id": "u1", "kind": "unchanged", "before": None, "after": {"day": "2020-02-01", "quote": KEPT}}
SILENT = CHANGED | {"id": "n1", "kind": "not_stated", "type": None, "before": None, "after": None}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "acme-versions")
    for day, says in (("2020-02-01", TEN), ("2021-02-01", NINE)):
        text = f"# Privacy Policy\n\n{KEPT}\n\n{says}\n"
        made.commit(day, "Record new changes of Pebblemail Privacy Policy", **{PATH: text})
    return made


def labels(tmp_path: Path, *rows: dict[str, object]) -> Path:
    path = tmp_path / "changes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(archive: Archive, tmp_path: Path, *rows: dict[str, object]) -> TaskRun:
    folder = tmp_path / "ota"
    folder.mkdir()
    archive.git("bundle", "create", "-q", str(folder / BUNDLE), "--all", "HEAD")
    task = changes_task(folder, labels=labels(tmp_path, *rows), kept=tmp_path / "kept")
    return measure(task, Options(), embedder=TinyEmbedder())


class Told(Assistant):
    """Tells a history of the form that `told_history` reads."""

    def ask(self, question: str, **_: object) -> Answer:  # type: ignore[override]
        answer = super().ask(question)
        before, after = sorted(
            (self.index.policies[one.id] for one in self.index.policies.values()), key=lambda one: str(one.archived_on)
        )
        passage = SimpleNamespace(before=quote(before.text, before, TEN), after=quote(after.text, after, NINE))
        change = SimpleNamespace(before=before, after=after, passages=(passage,), flipped=True, is_sure=True)
        company = SimpleNamespace(changes=(change,), now=None, unchanged_since=None)
        history = SimpleNamespace(companies=(company,), timing=SimpleNamespace(asked=question))
        fields = {name: getattr(answer, name) for name in Answer.__slots__} | {"history": history}
        return SimpleNamespace(**fields)  # type: ignore[return-value]


def quote(text: str, policy: object, words: str) -> SimpleNamespace:
    start = text.index(words)
    return SimpleNamespace(policy=policy, evidence=((start, start + len(words)),))


class Untold(Assistant):
    """Tells no history."""

    def ask(self, question: str, **_: object) -> Answer:  # type: ignore[override]
        return replace(super().ask(question), history=None)


def test_an_answer_that_tells_nothing_of_the_past_is_wrong(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("eval.asked_changes.Assistant", Untold)
    measured = run(archive, tmp_path, CHANGED, UNCHANGED, SILENT)
    rights = {row.id: row.measures for row in measured.rows}
    assert rights["c1"] == {"told rightly": 0.0, "right pair": 0.0, "right pair first": 0.0, "right passage": 0.0}
    assert [len(row.wanted) for row in measured.rows] == [2, 1, 0]
    assert measured.name == "changes.open.dev"


def test_the_right_pair_and_passage_are_counted(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("eval.asked_changes.Assistant", Told)
    (row,) = run(archive, tmp_path, CHANGED).rows
    assert row.measures == {"told rightly": 1.0, "right pair": 1.0, "right pair first": 1.0, "right passage": 1.0}
    assert (row.rank, [shown.text for shown in row.shown]) == (1, [TEN, NINE])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        pytest.param({"after": {"day": "2021-02-02", "quote": NINE}}, "not in the index", id="a day without a version"),
        pytest.param({"after": {"day": "2021-02-01", "quote": TEN}}, "does not say", id="words of another version"),
        pytest.param({"after": {"day": "2021-02-01", "quote": "nine days"}}, "short", id="a short quote"),
        pytest.param({"after": {"day": "soon", "quote": NINE}}, "no day", id="no day"),
        pytest.param({"kind": "unchanged"}, "other versions", id="two versions of what never changed"),
        pytest.param({"kind": "answerable"}, "expected one of this set's", id="another kind"),
    ],
)
def test_a_label_that_the_archive_does_not_bear_out_is_told(
    archive: Archive, tmp_path: Path, other: dict[str, object], said: str
):
    with pytest.raises(LabelError, match=said):
        run(archive, tmp_path, CHANGED | other)


def test_another_system_cannot_be_asked(archive: Archive, tmp_path: Path):
    (tmp_path / BUNDLE).write_bytes(b"")
    task = changes_task(tmp_path, labels=labels(tmp_path, CHANGED), kept=tmp_path / "kept")
    with pytest.raises(LabelError, match="leave out --system"):
        measure(task, Options(system="bm25"), embedder=TinyEmbedder())


def test_a_bundle_that_is_none_is_told(tmp_path: Path):
    (tmp_path / BUNDLE).write_bytes(b"no bundle")
    task = changes_task(tmp_path, labels=labels(tmp_path, CHANGED), kept=tmp_path / "kept")
    with pytest.raises(LabelError, match="no bundle that git can open"):
        measure(task, Options(), embedder=TinyEmbedder())


def test_what_is_said_now_is_quoted_of_what_never_changed(archive: Archive, tmp_path: Path):
    index = index_of(archive, tmp_path / "index")
    policy = next(index.policies[one.id] for one in index.policies.values())
    start = policy.text.index(KEPT)
    passage = Passage(policy.id, (), start, start + len(KEPT), KEPT, ())
    company = next(iter(index.companies.values()))
    said = Quotation(policy, (passage,), ((start, start + len(KEPT)),))
    now = CompanyVerdict(company, Outcome.ANSWERED, None, 0.9, (said,))
    told = SimpleNamespace(changes=(), now=now, unchanged_since=date(2020, 2, 1))
    history = SimpleNamespace(companies=(told,), timing=SimpleNamespace(asked="does it sell my address?"))
    found = told_history(SimpleNamespace(outcome=Outcome.ANSWERED, history=history))  # type: ignore[arg-type]
    assert (found.says, [(one.start, one.end) for one in found.quotes]) == ("unchanged", list(said.evidence))


def test_a_company_stands_in_one_half_of_the_shipped_labels_alone():
    questions = list(change_questions())
    halves = {question.text: question.split for question in questions}
    assert len(halves) == 80
    assert Counter(question.kind for question in questions) == {"changed": 60, "unchanged": 12, "not_stated": 8}
    split_of: dict[str, set[str]] = {}
    for question in questions:
        if question.document:
            split_of.setdefault(question.document.partition("/")[0], set()).add(question.split)
    assert all(len(splits) == 1 for splits in split_of.values())


def test_drawn_pairs_count_each_changed_paragraph_once(archive: Archive):
    (pair,) = drawn_pairs(archive.folder, held_out=frozenset(), seed=1, most=9)
    assert [change.kind.value for change in pair.told] == ["reworded"]
    assert telling(pair) == Telling(changed=2, untold=0, twice=0)
    assert drawn_pairs(archive.folder, held_out=frozenset({"Pebblemail"}), seed=1, most=9) == []


def test_each_judged_flip_is_judged_once_and_says_why_it_is_wrong():
    rows = judged().values()
    assert all(isinstance(row["right"], bool) and (row["right"] or row["cause"]) for row in rows)
