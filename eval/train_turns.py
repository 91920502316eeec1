"""Train what tells turns of a chat apart and whom they ask (`qa.question.turn_kinds`), and what is for policies
(`qa.question.scope`).

    python -m eval.train_turns

On turns and questions written for it (`turns/`, `scope/`), questions of the bank and the examples of small talk.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eval.questions import json_lines
from index.embedding import Embedder, open_embedder
from qa.question.scope import WEIGHTS as SCOPE_WEIGHTS
from qa.question.scope import scope_features
from qa.question.small_talk import SMALL_TALK
from qa.question.turn_kinds import WEIGHTS, TurnKind, TurnKinds, Whom, features

HERE = Path(__file__).parent
_SEED = 1
_SCOPE_QUESTIONS, _SCOPE_BANK_QUESTIONS = 1_000, 2_500
_INVERSE_REGULARISATION, _SCOPE_INVERSE_REGULARISATION = 5.0, 30.0


def training_turns() -> list[tuple[str, TurnKind]]:
    """Every turn with its kind."""
    bank = [entry for _, entry in json_lines(HERE / "bank.jsonl")]
    questions = [_nameless(question) for entry in bank for question in (*entry["yes"], *entry.get("no", []))]
    scope = [*_lines("scope/inside")[:_SCOPE_QUESTIONS], *_lines("scope/outside")[:_SCOPE_QUESTIONS]]
    complete = [*_lines("turns/complete"), *questions, *scope]
    small_talk = [*_lines("turns/small_talk"), *_lines("turns/about_chat")]
    small_talk += [example for talk in SMALL_TALK.values() for example in talk.examples]
    return [
        *((turn, TurnKind.COMPLETE) for turn in complete),
        *((turn, TurnKind.FRAGMENT) for turn in _lines("turns/fragments")),
        *((turn, TurnKind.SMALL_TALK) for turn in small_talk),
    ]


def turns_by_whom() -> list[tuple[str, Whom]]:
    """Turns that name nobody, with whom they ask; those of `Whom.THE_SAME` are all others that were written."""
    asking = {Whom.THE_OTHERS: "others", Whom.THOSE_NAMED: "both", Whom.ALL: "everybody"}
    labelled = [(turn, whom) for whom, name in asking.items() for turn in _lines(f"turns/{name}")]
    known = {turn for turn, _ in labelled}
    rest = [*_lines("turns/one_company"), *_lines("turns/fragments"), *_lines("turns/complete")]
    return labelled + [(turn, Whom.THE_SAME) for turn in dict.fromkeys(rest) if turn not in known]


def _lines(name: str) -> list[str]:
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [nameless for nameless in map(_nameless, lines) if nameless]


def _nameless(question: str) -> str:
    return re.sub(r"\bCOMPANY(?:'s)?\b", "", question).strip()


def train_scope(embedder: Embedder) -> dict[str, np.ndarray]:
    """The arrays of `qa.question.scope.WEIGHTS`, for the vectors of `embedder`."""
    bank = [entry for _, entry in json_lines(HERE / "bank.jsonl")]
    questions = [_nameless(question) for entry in bank for question in (*entry["yes"], *entry.get("no", []))]
    random.Random(_SEED).shuffle(questions)
    inside = [*_lines("scope/inside"), *_lines("turns/complete"), *questions[:_SCOPE_BANK_QUESTIONS]]
    outside = _lines("scope/outside")
    texts, labels = [*inside, *outside], [0] * len(inside) + [1] * len(outside)
    vectors = embedder.embed_questions(texts)

    def fitted(rows: list[np.ndarray]) -> np.ndarray:
        regression = _regression(_SCOPE_INVERSE_REGULARISATION, intercept=False)
        regression.fit(np.stack(rows), labels)
        weights: np.ndarray = regression.coef_[0].astype(np.float16)
        return weights

    return {
        "of_vector_and_words": fitted([scope_features(*row) for row in zip(texts, vectors, strict=True)]),
        "of_words": fitted([scope_features(text, None) for text in texts]),
        "model": np.array(embedder.content_hash),
    }


def train() -> TurnKinds:
    """The three regressions."""
    turns, by_whom = training_turns(), turns_by_whom()
    kinds, whom = list(TurnKind), list(Whom)
    talk = [(example, place) for place, each in enumerate(SMALL_TALK.values()) for example in each.examples]
    return TurnKinds(
        _fitted([turn for turn, _ in turns], [kinds.index(kind) for _, kind in turns]),
        _fitted([turn for turn, _ in by_whom], [whom.index(asked) for _, asked in by_whom], balanced=False),
        _fitted([turn for turn, _ in talk], [place for _, place in talk]),
    )


def _fitted(turns: Sequence[str], labels: Sequence[int], *, balanced: bool = True) -> np.ndarray:
    regression = _regression(_INVERSE_REGULARISATION, intercept=True, balanced=balanced)
    regression.fit(np.stack([features(turn) for turn in turns]), labels)
    return np.vstack((regression.coef_.T, regression.intercept_))


def _regression(inverse_regularisation: float, *, intercept: bool, balanced: bool = True) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        C=inverse_regularisation,
        class_weight="balanced" if balanced else None,
        max_iter=3_000,
        fit_intercept=intercept,
    )


if __name__ == "__main__":
    trained = train()
    np.savez_compressed(WEIGHTS, **{name: weights.astype(np.float16) for name, weights in asdict(trained).items()})
    np.savez_compressed(SCOPE_WEIGHTS, **train_scope(open_embedder()))  # type: ignore[arg-type]
