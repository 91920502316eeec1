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
from qa.question.name_tagger import tokenize
from qa.question.scope import VECTOR_SCALE
from qa.question.scope import WEIGHTS as SCOPE_WEIGHTS
from qa.question.turn_kinds import (
    HASHED,
    SEQUENCES_WEIGH,
    SMALL_TALK,
    WEIGHTS,
    TurnKind,
    TurnKinds,
    Whom,
    features,
    sequence_places,
)

HERE = Path(__file__).parent
_SEED = 1
_SCOPE_BANK_QUESTIONS = 2_500
_SCOPE_UNITS, _SCOPE_EPOCHS, _SCOPE_BATCH = 256, 15, 128
# How sure a label is: some questions are both.
_SCOPE_CERTAINTY = 0.94
_INVERSE_REGULARISATION, _SCOPE_INVERSE_REGULARISATION = 5.0, 30.0


def training_turns() -> list[tuple[str, TurnKind]]:
    """Every turn with its kind."""
    questions = _bank_questions()
    scope = [*_lines("scope/inside"), *_lines("scope/outside")]
    complete = [*_lines("turns/complete"), *questions, *scope, *_lines("names/words")[::4], *_read_of_policies()]
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


def _bank_questions() -> list[str]:
    """The questions of the bank without the company's name."""
    entries = (entry for _, entry in json_lines(HERE / "bank.jsonl"))
    return [_nameless(question) for entry in entries for question in (*entry["yes"], *entry.get("no", []))]


def _read_of_policies() -> list[str]:
    """The questions that were written for the policies of `reading/`, each once."""
    return list(dict.fromkeys(row["question"] for _, row in json_lines(HERE / "reading" / "train.jsonl")))


def _lines(name: str) -> list[str]:
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [nameless for nameless in map(_nameless, lines) if nameless]


def _nameless(question: str) -> str:
    return re.sub(r"\bCOMPANY(?:'s)?\b", "", question).strip()


def train_scope(embedder: Embedder) -> dict[str, np.ndarray]:
    """The arrays of `qa.question.scope.WEIGHTS`, for the vectors of `embedder`."""
    questions = _bank_questions()
    random.Random(_SEED).shuffle(questions)
    inside = [*_lines("scope/inside"), *_lines("turns/complete"), *questions[:_SCOPE_BANK_QUESTIONS]]
    inside += _read_of_policies()
    outside = _lines("scope/outside")
    texts, is_outside = [*inside, *outside], np.repeat([0.0, 1.0], [len(inside), len(outside)])
    sequences = np.zeros((len(texts), HASHED), dtype=np.float32)
    for row, text in enumerate(texts):
        sequences[row, sequence_places(text, tokenize(text))] = 1.0
    alone = _regression(_SCOPE_INVERSE_REGULARISATION).fit(sequences * SEQUENCES_WEIGH, is_outside)
    weights = {
        **_scope_network(embedder.embed_questions(texts), sequences, is_outside),
        "words_alone": np.append(alone.coef_[0] * SEQUENCES_WEIGH, alone.intercept_),
    }
    halved = {name: array.astype(np.float16) for name, array in weights.items()}
    return {**halved, "model": np.array(embedder.content_hash)}


def _scope_network(vectors: np.ndarray, sequences: np.ndarray, is_outside: np.ndarray) -> dict[str, np.ndarray]:
    """The weights of the network that reads a question's vector and its words, of `ScopeWeights`."""
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits, dropout

    torch.manual_seed(_SEED)
    hidden, out = nn.Linear(vectors.shape[1], _SCOPE_UNITS), nn.Linear(_SCOPE_UNITS, 1)
    of_words = nn.Linear(HASHED, 1, bias=False)
    nn.init.zeros_(of_words.weight)
    parameters = [*hidden.parameters(), *out.parameters(), *of_words.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.01)
    batches = -(-len(vectors) // _SCOPE_BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=_SCOPE_EPOCHS * batches)
    scaled, words = torch.from_numpy(VECTOR_SCALE * np.asarray(vectors, dtype=np.float32)), torch.from_numpy(sequences)
    wanted = torch.from_numpy(is_outside).float()
    balance = torch.where(wanted == 1.0, (wanted == 0.0).sum() / wanted.sum(), 1.0)
    softened = _SCOPE_CERTAINTY * wanted + (1.0 - _SCOPE_CERTAINTY) / 2
    for _ in range(_SCOPE_EPOCHS):
        for rows in torch.randperm(len(vectors)).split(_SCOPE_BATCH):
            units = torch.relu(hidden(dropout(scaled[rows], 0.1)))
            logits = (out(dropout(units, 0.5)) + of_words(dropout(words[rows], 0.3)))[:, 0]
            loss = binary_cross_entropy_with_logits(logits, softened[rows], weight=balance[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return {
        "hidden": torch.vstack((hidden.weight.T, hidden.bias)).detach().numpy(),
        "out": torch.cat((out.weight[0], out.bias)).detach().numpy(),
        "beside_vector": of_words.weight[0].detach().numpy(),
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
    regression = _regression(_INVERSE_REGULARISATION, balanced=balanced)
    regression.fit(np.stack([features(turn) for turn in turns]), labels)
    return np.vstack((regression.coef_.T, regression.intercept_))


def _regression(inverse_regularisation: float, *, balanced: bool = True) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        C=inverse_regularisation,
        class_weight="balanced" if balanced else None,
        max_iter=3_000,
    )


if __name__ == "__main__":
    trained = train()
    np.savez_compressed(WEIGHTS, **{name: weights.astype(np.float16) for name, weights in asdict(trained).items()})
    np.savez_compressed(SCOPE_WEIGHTS, **train_scope(open_embedder()))  # type: ignore[arg-type]
