"""Weights and thresholds fitted on dev questions, as `qa/calibration.json` keeps them.

First the order: a softmax over each question's candidates (Plackett-Luce's first choice), so that the
relevant ones come first. Then the probability that one answers: a logistic regression on the questions, answerable
or not. Then the thresholds, each the least that holds what `Calibration` promises.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from eval.intent_weights import learned_weights
from eval.questions import LabelledQuestion, Span, Task
from eval.systems import file_of, write_documents
from eval.tasks import source
from eval.tasks.bank import bank_task
from eval.tasks.labels import labelled_policies, labels_task, share_of_policies
from eval.tasks.reading import reading_task
from eval.tasks.sample import sample_task
from index.build import build
from index.embedding import Embedder
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.intents import keep_shares, keep_weights
from qa.judge import Examined
from qa.judgement import READ, SAYS_FROM, Calibration
from qa.reading.reader import Reader, Reading
from qa.reading.readings import weigh

Vectors = np.ndarray

# Below `unclear_from` so many of those refused are refused rightly; a verdict that is given is right so often.
_REFUSED_RIGHTLY, _VERDICTS_RIGHT = 0.9, 0.88
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
    examined: Examined
    signals: Vectors
    relevant: Vectors
    complete: bool
    task: str = field(default="")


def calibrate(
    data: Path, out: Path, *, embedder: Embedder, reader: Reader | None = None, intents: bool = False
) -> Calibration:
    """Fit weights and thresholds on dev questions, write them into `out`, and return them.

    Args:
        data: the folder that holds `benchmarks/` and `corpus/`.
        out: a calibration file; what it holds of the other kind (with a reader, without) stays.
        intents: first retrain the intent classifiers of the shipped model, and count which intents policies cover.
    """
    corpus = data / "corpus" / "policies"
    if intents:
        keep_shares(share_of_policies(labelled_policies(split="train")))
        keep_weights(embedder, learned_weights(corpus, embedder))
    found: list[Sample] = []
    sample = _sample_dev()
    with _assistant(sample, embedder, reader) as assistant:
        kinds = ("answerable", "not_stated", "follow_up")
        found += samples(assistant, sample, [q for q in sample.questions if q.kind in kinds], by_file=False)
    gdpr200 = source("gdpr200").load([data])
    train = tuple(q for q in gdpr200.questions if q.split == "train" and not q.generic)
    reading = reading_task(corpus)
    dev = tuple(question for question in reading.questions if question.split == "dev")
    tasks = [replace(gdpr200, questions=train), labels_task(corpus, split="dev"), replace(reading, questions=dev)]
    for task in (*tasks, bank_task(corpus, split="dev")):
        with _assistant(task, embedder, reader) as assistant:
            found += samples(assistant, task, task.questions, by_file=True)
    calibration = fit(found, embedder=embedder.content_hash, reader=reader.content_hash if reader else "")
    calibration.write(out)
    return calibration


def _sample_dev() -> Task:
    task = sample_task()
    return replace(task, questions=tuple(question for question in task.questions if question.split == "dev"))


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
    reader: Reader | None,
) -> Iterator[Assistant]:
    """An assistant over the policies that the task's questions are about."""
    used = {file for question in task.questions for file in question.policy_files}
    with tempfile.TemporaryDirectory(prefix="askpolicy-calibrate-") as name:
        folder = Path(name)
        write_documents([document for document in task.documents if document.file in used], folder / "policies")
        build([folder / "policies"], folder / "index", embedder=embedder)
        index = PolicyIndex.open(folder / "index", embedder=embedder)
        yield Assistant(index, embedder, reader=reader)


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
        found.append(Sample(question, names, examined, matrix, relevant, task.complete, task.name))
    return found


def _relevant(assistant: Assistant, examined: Examined, question: LabelledQuestion) -> Vectors:
    index = assistant.index
    result = np.zeros(len(examined.candidates.rows), dtype=bool)
    for place, row in enumerate(examined.candidates.rows):
        passage = index.passages[row]
        found = Span(file_of(index.policies[passage.policy_id]), passage.start, passage.end)
        result[place] = any(found.overlaps(label) for label in question.spans)
    return result


def fit(found: Sequence[Sample], *, embedder: str, reader: str) -> Calibration:
    """The calibration of `found`, for models of these content hashes."""
    weights = fit_ranking(found)
    complete = [sample for sample in found if sample.complete and _found_or_unanswerable(sample, weights)]
    rows = [_question_signals(sample, weights) for sample in complete]
    answerable = [sample.question.answerable for sample in complete]
    groups = [f"{sample.task} {sample.question.answerable}" for sample in complete]
    question_weights, intercept = _fit_logistic(rows, answerable, groups)
    unfinished = Calibration(
        ranking=dict(zip(found[0].names, (round(float(weight), 4) for weight in weights), strict=True)),
        question_weights=question_weights,
        intercept=intercept,
        unclear_from=SAYS_FROM,
        verdict_from=SAYS_FROM,
        evidence_from=EVIDENCE_FROM,
        evidence_within=EVIDENCE_WITHIN,
        embedder=embedder,
        reader=reader,
    )
    says = np.array([unfinished.says(row) for row in rows])
    return replace(
        unfinished,
        unclear_from=_unclear_from(says, np.array(answerable), groups),
        verdict_from=_verdict_from(found, weights) if reader else SAYS_FROM,
    )


def _question_signals(sample: Sample, weights: Vectors) -> dict[str, float]:
    """The question's own signals, its best passage's order by `weights`, and what was read, if anything was."""
    known = {**sample.examined.of_question, "best": float((sample.signals @ weights).max()) / 10}
    return known if sample.examined.readings else {name: value for name, value in known.items() if name != READ}


def _found_or_unanswerable(sample: Sample, weights: Vectors) -> bool:
    """Whether an answerable question's passage is among its best: else its signals are of other passages."""
    best = np.argsort(-(sample.signals @ weights), kind="stable")[:_BEST]
    return not sample.question.answerable or bool(sample.relevant[best].any())


def _unclear_from(says: Vectors, answerable: Vectors, groups: Sequence[str]) -> float:
    """The highest probability below which `_REFUSED_RIGHTLY` of the questions are not answered, each group counting
    the same.
    """
    counts = Counter(groups)
    counted = np.array([1 / counts[group] for group in groups])
    lowest_first = np.argsort(says)
    refused = np.cumsum(counted[lowest_first])
    rightly = np.cumsum((counted * ~answerable)[lowest_first])
    holds = np.flatnonzero((rightly >= _REFUSED_RIGHTLY * refused) & (says[lowest_first] < SAYS_FROM))
    return round(float(says[lowest_first][holds[-1]]), 4) if len(holds) else 0.0


def _verdict_from(found: Sequence[Sample], weights: Vectors) -> float:
    """The least share that makes `_VERDICTS_RIGHT` of the verdicts given right."""
    shares = np.arange(0.3, 0.96, 0.01)
    for share in shares:
        right = [
            str(weighed.verdict) in sample.question.verdicts
            for sample in found
            if sample.question.verdicts and sample.examined.readings
            for weighed in [weigh(_best_first(sample, weights), sure_from=float(share))]
            if weighed.verdict
        ]
        if right and np.mean(right) >= _VERDICTS_RIGHT:
            return round(float(share), 2)
    return round(float(shares[-1]), 2)


def _best_first(sample: Sample, weights: Vectors) -> list[Reading]:
    readings = sample.examined.readings
    order = sample.signals @ weights
    return [readings[place] for place in sorted(readings, key=lambda place: -float(order[place]))]


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
