"""Weights and thresholds fitted on dev questions, as `qa/calibration.json` keeps them.

First the order: a softmax over each question's candidates (Plackett-Luce's first choice), so that the
relevant ones come first. Then the probability: a logistic regression on the questions, answerable or not.
Then the threshold: the score under which at most `MAX_REFUSED` of each set's answerable questions lie.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from eval.intent_weights import learned_weights
from eval.questions import LabelledQuestion, Span, Task
from eval.systems import file_of, write_documents
from eval.tasks import source
from eval.tasks.bank import bank_task
from eval.tasks.labels import labelled_policies, labels_task, share_of_policies
from eval.tasks.sample import sample_task
from index.build import build
from index.embedding import DEFAULT_MODEL, Embedder
from index.policy_index import PolicyIndex
from qa.assistant import Assistant, Examined
from qa.intents import keep_shares, keep_weights
from qa.judgement import RERANKED, Calibration, order_signals
from qa.reranker import Reranker

Vectors = np.ndarray

MAX_REFUSED = 0.05
# Right first hits, sentences: of those quoted 82 % are labelled on sample dev (n=101), 79 % on labels dev (n=400); of
# those labelled 77 % and 84 % are quoted: decision 32.
EVIDENCE_WITHIN = 0.18
# A passage a quarter as likely as the best is worth a quote beside it.
EVIDENCE_FROM = 0.25
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
    keep_shares(share_of_policies(labelled_policies(split="train")))
    if embedder.name == DEFAULT_MODEL:
        keep_weights(embedder, learned_weights(data / "corpus" / "policies", embedder))
    found: list[Sample] = []
    sample = _sample_dev()
    with _assistant(sample, embedder, reranker) as assistant:
        kinds = ("answerable", "not_stated", "follow_up")
        found += samples(assistant, sample, [q for q in sample.questions if q.kind in kinds], by_file=False)
    gdpr200 = source("gdpr200").load([data])
    train = tuple(q for q in gdpr200.questions if q.split == "train" and not q.generic)
    corpus = data / "corpus" / "policies"
    labelled = [replace(gdpr200, questions=train), labels_task(corpus, split="dev")]
    for task in (*labelled, bank_task(corpus, split="dev")):
        with _assistant(task, embedder, reranker) as assistant:
            found += samples(assistant, task, task.questions, by_file=True)
    calibration = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    name = "reranked" if reranker else "plain"
    fitted = fit(found) | {
        "answered_from": 0.0,
        "evidence_from": EVIDENCE_FROM,
        "evidence_within": EVIDENCE_WITHIN,
    }
    fitted["answered_from"] = min(
        _threshold(task, embedder, reranker, Calibration(**fitted), by_file=task is not sample)
        for task in (sample, *labelled)
    )
    calibration[name] = fitted
    if not reranker:
        # A reranker adds its signal to the order alone; what its weight is, only a fit with it tells.
        ranking = {**fitted["ranking"], RERANKED: calibration["reranked"]["ranking"][RERANKED]}
        calibration["reranked"] = {**fitted, "ranking": ranking}
    out.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
    return fitted


def _sample_dev() -> Task:
    task = sample_task()
    return replace(task, questions=tuple(question for question in task.questions if question.split == "dev"))


def _threshold(
    task: Task,
    embedder: Embedder,
    reranker: Reranker | None,
    calibration: Calibration,
    *,
    by_file: bool,
) -> float:
    """The probability of being told under which `MAX_REFUSED` of the answerable questions of `task` lie."""
    answerable = [question for question in task.questions if question.kind == "answerable"]
    with _assistant(task, embedder, reranker, calibration=calibration) as assistant:
        owners = _owners(assistant)
        says = [assistant.policy_says(q.text, companies=_given(q, owners) if by_file else q.given) for q in answerable]
    return round(float(np.quantile(says, MAX_REFUSED)), 4)


def _owners(assistant: Assistant) -> dict[str, str]:
    """The company id of each document."""
    return {file_of(policy): policy.company_id for policy in assistant.index.policies.values()}


def _given(question: LabelledQuestion, owners: Mapping[str, str]) -> tuple[str, ...]:
    """The companies passed beside `question`: as labelled, or else those whose documents it is about."""
    return question.given or tuple(owners[file] for file in question.policy_files)


@contextmanager
def _assistant(
    task: Task,
    embedder: Embedder,
    reranker: Reranker | None,
    *,
    calibration: Calibration | None = None,
) -> Iterator[Assistant]:
    """An assistant over the policies that the task's questions are about."""
    used = {file for question in task.questions for file in question.policy_files}
    with tempfile.TemporaryDirectory(prefix="askpolicy-calibrate-") as name:
        folder = Path(name)
        write_documents([document for document in task.documents if document.file in used], folder / "policies")
        build([folder / "policies"], folder / "index", embedder=embedder)
        index = PolicyIndex.open(folder / "index", embedder=embedder)
        yield Assistant(index, embedder, reranker=reranker, calibration=calibration)


def samples(assistant: Assistant, task: Task, questions: Sequence[LabelledQuestion], *, by_file: bool) -> list[Sample]:
    """What the running code sees of `questions`."""
    owners = _owners(assistant)
    found = []
    for question in questions:
        given = _given(question, owners) if by_file else question.given
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
    """The weights of `found`: what `Calibration` takes but for the thresholds."""
    ranking = fit_ranking(found)
    complete = [sample for sample in found if sample.complete and _found_or_unanswerable(sample, ranking)]
    answered = _fit_logistic(
        [{name: value for name, value in _signals(s, ranking).items() if name != "ahead"} for s in complete],
        [sample.question.answerable for sample in complete],
        [f"{sample.task} {sample.question.answerable}" for sample in complete],
    )
    answerable = [sample for sample in found if sample.complete and sample.relevant.any()]
    right = _fit_logistic(
        [{name: _signals(sample, ranking)[name] for name in ("ahead", "best")} for sample in answerable],
        [bool(sample.relevant[np.argmax(sample.signals @ ranking)]) for sample in answerable],
        [sample.task for sample in answerable],
    )
    return {
        "ranking": dict(zip(found[0].names, (round(float(weight), 4) for weight in ranking), strict=True)),
        "question_weights": answered[0],
        "intercept": answered[1],
        "right_weights": right[0],
        "right_intercept": right[1],
    }


def _signals(sample: Sample, ranking: Vectors) -> dict[str, float]:
    plain = np.array([name != RERANKED for name in sample.names])
    return sample.of_question | order_signals(sample.signals[:, plain] @ ranking[plain])


def _fit_logistic(
    rows: Sequence[dict[str, float]], labels: Sequence[bool], groups: Sequence[str]
) -> tuple[dict[str, float], float]:
    """Weights by name and the intercept; each of `groups` counts the same."""
    counts = Counter(groups)
    regression = LogisticRegression(C=10.0, max_iter=2_000)
    regression.fit(
        np.array([list(row.values()) for row in rows]),
        labels,
        sample_weight=[len(rows) / counts[group] / len(counts) for group in groups],
    )
    weights = dict(zip(rows[0], (round(float(weight), 4) for weight in regression.coef_[0]), strict=True))
    return weights, round(float(regression.intercept_[0]), 4)


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
