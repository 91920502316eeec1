"""Weights and thresholds fitted on dev questions, as `qa/calibration.json` keeps them.

First the order: a softmax over each question's candidates (Plackett-Luce's first choice), so that the
relevant ones come first. Then the probability: a logistic regression on each question's best candidates,
answerable or not. Then the threshold: the score under which `MAX_REFUSED` of the answerable dev questions lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from eval.questions import LabelledQuestion, Task
from eval.running import company_of_files, without_placeholder
from qa.assistant import Assistant, Examined

Vectors = np.ndarray

MAX_REFUSED = 0.035
# At 0.7 under 2 % of 700 bank questions count as out of scope, and four fifths of the examples do.
OUTSIDE_FROM = 0.7
_COMPARED = 60
_BEST = 5
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


def samples(
    assistant: Assistant, task: Task, questions: Sequence[LabelledQuestion], *, complete: bool, by_file: bool
) -> list[Sample]:
    """What the running code sees of `questions`."""
    owners = company_of_files(assistant.index)
    found = []
    for question in questions:
        named = tuple(owners[file] for file in question.policy_files)
        given = question.given or (named if by_file else ())
        examined = assistant.examine(without_placeholder(question.text), companies=given, history=question.history)
        relevant = _relevant(assistant, examined, question)
        if question.answerable and not relevant.any():
            continue  # a company was mistaken: nothing to learn of passages here
        names = tuple(examined.signals)
        matrix = np.column_stack([examined.signals[name] for name in names])
        found.append(Sample(question, names, matrix, relevant, examined.of_question, complete, task.name))
    return found


def _relevant(assistant: Assistant, examined: Examined, question: LabelledQuestion) -> Vectors:
    index = assistant.index
    result = np.zeros(len(examined.candidates.rows), dtype=bool)
    for place, row in enumerate(examined.candidates.rows):
        passage = index.passages[row]
        file = Path(index.policies[passage.policy_id].path).name
        result[place] = any(
            span.file == file and passage.start < span.end and span.start < passage.end for span in question.spans
        )
    return result


def fit(found: Sequence[Sample], *, threshold_from: str) -> dict[str, object]:
    """The calibration of `found`: what `Calibration` takes but for `evidence_within`.

    Args:
        threshold_from: the task on whose answerable questions the threshold is set.
    """
    names = found[0].names
    ranking = fit_ranking(found)
    orders = [sample.signals @ ranking for sample in found]
    question_names = tuple(found[0].of_question)
    rows, labels, weights = [], [], []
    per_task = {
        task: sum(sample.task == task and sample.complete for sample in found) for task in {s.task for s in found}
    }
    for sample, order in zip(found, orders, strict=True):
        if not sample.complete:
            continue
        for place in np.argsort(-order, kind="stable")[:_BEST]:
            rows.append([order[place], *(sample.of_question[name] for name in question_names)])
            labels.append(sample.relevant[place])
            weights.append(1.0 / per_task[sample.task])
    regression = LogisticRegression(C=100.0, max_iter=2_000)
    regression.fit(np.array(rows), labels, sample_weight=np.array(weights) * len(weights) / sum(weights))
    slope, *question_weights = (float(weight) for weight in regression.coef_[0])
    intercept = float(regression.intercept_[0])
    best = [
        _sigmoid(
            slope * order.max()
            + intercept
            + sum(
                weight * sample.of_question[name] for name, weight in zip(question_names, question_weights, strict=True)
            )
        )
        for sample, order in zip(found, orders, strict=True)
    ]
    judged = [
        score
        for score, sample in zip(best, found, strict=True)
        if sample.question.answerable and sample.task == threshold_from
    ]
    return {
        "ranking": dict(zip(names, (round(float(weight), 4) for weight in ranking), strict=True)),
        "slope": round(slope, 4),
        "intercept": round(intercept, 4),
        "question_weights": dict(zip(question_names, (round(weight, 4) for weight in question_weights), strict=True)),
        "answered_from": round(float(np.quantile(judged, MAX_REFUSED)), 4),
    }


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


def _sigmoid(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-logit)))


def fit_scope(assistant: Assistant, questions: Sequence[LabelledQuestion]) -> dict[str, float]:
    """Weights that tell questions out of scope: the shipped examples, each left out once, and dev questions."""
    rows, labels = assistant.scope.left_out_signals()
    for question in questions:
        asked = assistant.understand(without_placeholder(question.text), companies=question.given)
        rows.append(assistant.scope.signals(asked.topic))
        labels.append(question.kind == "out_of_scope")
    matrix = np.array([[row.outside, row.inside, row.concepts] for row in rows])
    regression = LogisticRegression(C=10.0, max_iter=2_000).fit(matrix, labels)
    outside, inside, concepts = (round(float(weight), 4) for weight in regression.coef_[0])
    return {
        "outside": outside,
        "inside": inside,
        "concepts": concepts,
        "intercept": round(float(regression.intercept_[0]), 4),
        "outside_from": OUTSIDE_FROM,
    }
