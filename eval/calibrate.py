"""Weights and thresholds fitted on dev questions, as `qa/calibration.json` keeps them.

First the order: a softmax over each question's candidates (Plackett-Luce's first choice), so that the
relevant ones come first. Then the probability: a logistic regression on the questions, answerable or not.
Then the threshold: the score under which `MAX_REFUSED` of the answerable dev questions lie.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from eval.questions import LabelledQuestion, Span, Task
from eval.systems import file_of, write_documents
from eval.tasks import source
from eval.tasks.bank import bank_task
from eval.tasks.sample import sample_task
from index.build import build
from index.embedding import DEFAULT_MODEL, Embedder
from index.policy_index import PolicyIndex
from qa.assistant import Assistant, Examined
from qa.intents import keep_intents
from qa.judgement import RERANKED, Calibration
from qa.reranker import Reranker
from qa.scope import Scope, keep_examples

Vectors = np.ndarray

MAX_REFUSED = 0.05
# A third of what the scope is fitted on lies outside; of what people ask, far less. On sample dev no answer is lost so.
OUTSIDE_RARER = 3.0
# Sample dev, right first hits (n=81): 93 % of the sentences quoted are labelled, 96 % of the hits quote one.
EVIDENCE_WITHIN = 0.1
_BEST = 3
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Sample:
    """One question's candidates with their signals, and which of them answer.

    Attributes:
        signals: shape (n, number of signals).
        relevant: shape (n,), bool; all False where nothing answers.
        complete: whether a candidate that is not labelled surely does not answer.
    """

    question: LabelledQuestion
    names: tuple[str, ...]
    signals: Vectors
    relevant: Vectors
    of_question: dict[str, float]
    complete: bool
    task: str = field(default="")


def calibrate(data: Path, out: Path, *, embedder: Embedder, reranker: Reranker | None = None) -> dict[str, Any]:
    """Fits weights and thresholds on dev questions, writes them into `out`, and gives back those of the answers.

    Args:
        data: the folder that holds `benchmarks/` and `corpus/`.
        out: a calibration file; what it holds of the other kind (with a reranker, without) stays.
    """
    if embedder.name == DEFAULT_MODEL:
        keep_examples(embedder)
        keep_intents(embedder)
    found: list[Sample] = []
    task = sample_task()
    with _assistant(task, embedder, reranker) as assistant:
        dev = [q for q in task.questions if q.split == "dev"]
        kinds = ("answerable", "not_stated", "follow_up")
        found += samples(assistant, task, [q for q in dev if q.kind in kinds], by_file=False)
        scope = fit_scope(assistant, embedder, [q for q in dev if not q.history])
    gdpr200 = source("gdpr200").load([data])
    train = tuple(q for q in gdpr200.questions if q.split == "train" and not q.generic)
    for task in (replace(gdpr200, questions=train), bank_task(data / "corpus" / "policies", split="dev")):
        with _assistant(task, embedder, reranker) as assistant:
            found += samples(assistant, task, task.questions, by_file=True)
    calibration = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    name = "reranked" if reranker else "plain"
    fitted = fit(found) | {"answered_from": 0.0, "evidence_within": EVIDENCE_WITHIN}
    fitted["answered_from"] = _threshold(embedder, reranker, Calibration(**fitted), scope)
    calibration[name] = fitted
    if not reranker:
        # A reranker adds its signal to the same others; what its weight is, only a fit with it tells.
        ranking = {**fitted["ranking"], RERANKED: calibration["reranked"]["ranking"][RERANKED]}
        calibration["reranked"] = {**fitted, "ranking": ranking}
    calibration["scope"] = scope
    out.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
    return fitted


def _threshold(
    embedder: Embedder, reranker: Reranker | None, calibration: Calibration, scope: dict[str, float]
) -> float:
    """The score under which the best hits of `MAX_REFUSED` of sample dev's answerable questions lie."""
    task = sample_task()
    dev = [question for question in task.questions if question.split == "dev" and question.kind == "answerable"]
    given_scope = Scope(embedder, weights=scope)
    with _assistant(task, embedder, reranker, calibration=calibration, scope=given_scope) as assistant:
        answers = [assistant.ask(question.text, companies=question.given) for question in dev]
    return round(
        float(np.quantile([answer.hits[0].score if answer.hits else 0.0 for answer in answers], MAX_REFUSED)), 4
    )


@contextmanager
def _assistant(
    task: Task,
    embedder: Embedder,
    reranker: Reranker | None,
    *,
    calibration: Calibration | None = None,
    scope: Scope | None = None,
) -> Iterator[Assistant]:
    """An assistant over the policies that the task's questions are about."""
    used = {file for question in task.questions for file in question.policy_files}
    with tempfile.TemporaryDirectory(prefix="askpolicy-calibrate-") as name:
        folder = Path(name)
        write_documents([document for document in task.documents if document.file in used], folder / "policies")
        build([folder / "policies"], folder / "index", embedder=embedder)
        index = PolicyIndex.open(folder / "index", embedder=embedder)
        yield Assistant(index, embedder, reranker=reranker, calibration=calibration, scope=scope)


def samples(assistant: Assistant, task: Task, questions: Sequence[LabelledQuestion], *, by_file: bool) -> list[Sample]:
    """What the running code sees of `questions`."""
    owners = {file_of(policy): policy.company_id for policy in assistant.index.policies.values()}
    found = []
    for question in questions:
        named = tuple(owners[file] for file in question.policy_files)
        given = question.given or (named if by_file else ())
        examined = assistant.examine(question.text, companies=given, history=question.history)
        relevant = _relevant(assistant, examined, question)
        if question.answerable and not relevant.any():
            continue  # a company was mistaken: nothing to learn of passages here
        names = tuple(examined.signals)
        matrix = np.column_stack([examined.signals[name] for name in names])
        found.append(Sample(question, names, matrix, relevant, examined.of_question, task.complete, task.name))
    return found


def _relevant(assistant: Assistant, examined: Examined, question: LabelledQuestion) -> Vectors:
    index = assistant.index
    result = np.zeros(len(examined.candidates.rows), dtype=bool)
    for place, row in enumerate(examined.candidates.rows):
        passage = index.passages[row]
        found = Span(file_of(index.policies[passage.policy_id]), passage.start, passage.end)
        result[place] = any(found.overlaps(label) for label in question.spans)
    return result


def fit(found: Sequence[Sample]) -> dict[str, Any]:
    """The weights of `found`: what `Calibration` takes but for `answered_from` and `evidence_within`."""
    ranking = fit_ranking(found)
    names = tuple(found[0].of_question)
    complete = [sample for sample in found if sample.complete and _found_or_unanswerable(sample, ranking)]
    counts = {(s.task, s.question.answerable): 0 for s in complete}
    for sample in complete:
        counts[sample.task, sample.question.answerable] += 1
    regression = LogisticRegression(C=10.0, max_iter=2_000)
    regression.fit(
        np.array([[sample.of_question[name] for name in names] for sample in complete]),
        [sample.question.answerable for sample in complete],
        sample_weight=[len(complete) / counts[s.task, s.question.answerable] / len(counts) for s in complete],
    )
    weights = [float(weight) for weight in regression.coef_[0]]
    intercept = float(regression.intercept_[0])
    return {
        "ranking": dict(zip(found[0].names, (round(float(weight), 4) for weight in ranking), strict=True)),
        "question_weights": dict(zip(names, (round(weight, 4) for weight in weights), strict=True)),
        "intercept": round(intercept, 4),
    }


def _found_or_unanswerable(sample: Sample, ranking: Vectors) -> bool:
    """Whether an answerable question's passage is among its best: else its signals are of other passages."""
    best = np.argsort(-(sample.signals @ ranking), kind="stable")[:_BEST]
    return not sample.question.answerable or bool(sample.relevant[best].any())


def fit_ranking(found: Sequence[Sample]) -> Vectors:
    """The weights under which the relevant candidates are likeliest to come first; each task counts the same."""
    answerable = [sample for sample in found if sample.relevant.any()]
    counts = {
        task: sum(sample.task == task for sample in answerable) for task in {sample.task for sample in answerable}
    }
    count = answerable[0].signals.shape[1]

    def loss(weights: Vectors) -> float:
        total = 0.0
        for sample in answerable:
            order = sample.signals @ weights
            order = order - order.max()
            exponents = np.exp(order)
            total -= np.log(exponents[sample.relevant].sum() / exponents.sum()) / counts[sample.task]
        return float(total + _RIDGE * weights @ weights)

    weights: Vectors = minimize(loss, np.full(count, 5.0), method="L-BFGS-B").x
    return weights


def fit_scope(assistant: Assistant, embedder: Embedder, questions: Sequence[LabelledQuestion]) -> dict[str, float]:
    """Weights that tell questions out of scope: the shipped examples, each left out once, and dev questions."""
    rows, labels = assistant.scope.left_out_signals()
    for question in questions:
        asked = assistant.understand(question.text, companies=question.given)
        vector = embedder.embed_questions([asked.topic])[0]
        rows.append(assistant.scope.signals(asked.topic, vector))
        labels.append(question.kind == "out_of_scope")
    matrix = np.array([[row.outside, row.inside, row.concepts] for row in rows])
    regression = LogisticRegression(C=10.0, max_iter=2_000).fit(matrix, labels)
    outside, inside, concepts = (round(float(weight), 4) for weight in regression.coef_[0])
    return {
        "outside": outside,
        "inside": inside,
        "concepts": concepts,
        "intercept": round(float(regression.intercept_[0]) - float(np.log(OUTSIDE_RARER)), 4),
    }
