"""A verdict has flipped only where both versions give one, and where the words that answer changed."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from index.policy_index import PolicyIndex
from qa.answers import CompanyVerdict, Outcome, Quotation, Verdict
from qa.assistant import Assistant
from qa.changes import VersionChange, every_change
from qa.flips import flips
from tests.test_history import KEPT, PATH, Archive, index_of

SELL = "does it sell my address?"


class Reads(Assistant):
    """Answers by the words of the passages in force: "never sell" is no, "do sell" is yes, "may sell" is unsure."""

    def __init__(self, index: PolicyIndex, *, calibrated: bool = True) -> None:
        self.index, self.calibrated = index, calibrated

    def ask(self, question: str, *, companies: Sequence[str] = (), as_of: date | None = None, **_: object):  # type: ignore[override, no-untyped-def]
        company = self.index.companies[companies[0]]
        for row in self.index.rows([company.id], as_of=as_of):
            passage = self.index.passages.at(int(row), as_of=as_of)
            for words, verdict in (("never sell", Verdict.NO), ("do sell", Verdict.YES), ("may sell", None)):
                if words in passage.text:
                    policy = self.index.policies[passage.policy_id]
                    quote = Quotation(policy, (passage,), ((passage.start, passage.end),))
                    said = CompanyVerdict(company, Outcome.ANSWERED, verdict, 0.9, (quote,))
                    return type("Answered", (), {"verdicts": (said,)})()
        return type("Answered", (), {"verdicts": (CompanyVerdict(company, Outcome.NOT_STATED, None, 0.1, ()),)})()


def changes(
    tmp_path: Path, *texts: str, days: Sequence[str] = ("2020-02-01", "2021-02-01")
) -> tuple[Reads, VersionChange]:
    archive = Archive(tmp_path / "acme-versions")
    for day, text in zip(days, texts, strict=True):
        archive.commit(
            day, "Record new changes of Pebblemail Privacy Policy", **{PATH: f"# Privacy Policy\n\n{text}\n"}
        )
    index = index_of(archive, tmp_path / "index")
    return Reads(index), next(every_change(index, ["pebblemail"]))


def test_a_verdict_that_flipped_is_told_with_both_answers(tmp_path: Path):
    assistant, changed = changes(tmp_path, KEPT, KEPT.replace("never", "do"))
    (flip,) = flips(assistant, changed, [SELL])
    assert (flip.question, flip.before.verdict, flip.after.verdict) == (SELL, Verdict.NO, Verdict.YES)
    assert [verdict.quotes[0].text for verdict in (flip.before, flip.after)] == [KEPT, KEPT.replace("never", "do")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(KEPT, KEPT.replace("address", "name"), id="the same verdict"),
        pytest.param(KEPT, KEPT.replace("never", "may"), id="no verdict after"),
        pytest.param(KEPT.replace("never", "may"), KEPT, id="no verdict before"),
        pytest.param(KEPT, "We keep voice recordings for nine days.", id="no answer after"),
    ],
)
def test_what_is_not_sure_on_both_sides_is_no_flip(tmp_path: Path, before: str, after: str):
    assistant, changed = changes(tmp_path, before, after)
    assert [*flips(assistant, changed, [SELL])] == []


def test_a_verdict_that_flips_though_its_words_did_not_change_is_no_flip(tmp_path: Path):
    both = f"{KEPT}\n\n{KEPT.replace('never', 'do')}"
    turned = f"{KEPT.replace('never', 'do')}\n\n{KEPT}\n\nWe keep voice recordings for nine days."
    assistant, changed = changes(tmp_path, both, turned)
    assert [*flips(assistant, changed, [SELL])] == []


def test_versions_of_one_day_cannot_be_told_apart(tmp_path: Path):
    days = ("2020-02-01", "2020-02-01")
    assistant, changed = changes(tmp_path, KEPT, KEPT.replace("never", "do"), days=days)
    assert [*flips(assistant, changed, [SELL])] == []


def test_scores_that_are_no_probabilities_tell_no_flip(tmp_path: Path):
    assistant, changed = changes(tmp_path, KEPT, KEPT.replace("never", "do"))
    assert [*flips(Reads(assistant.index, calibrated=False), changed, [SELL])] == []
