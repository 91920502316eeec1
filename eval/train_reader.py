"""The reader, taught from judged passages and questions written for it; see `eval/reading/README.md`.

Cross-entropy over `ANSWERS`, and for each sentence of a passage that answers whether it is evidence. Batches hold
inputs of like length. Two cores that multiply in bfloat16 take about an hour.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from eval.reader_graph import write_reader_graph
from eval.reader_model import ReaderModel
from eval.reading_rows import JudgedPassage, contrast_rows, judged_rows, passage_rows
from eval.train import multiplies_bf16
from index.embedding import DEFAULT_FOLDER
from qa.reading.reader import ANSWERS, GRAPH, lay_out, padded

AfterEpoch = Callable[[int, ReaderModel], None]

_SILENT = ANSWERS.index("silent")
_BATCH, _EPOCHS = 32, 5
_ENCODER_RATE, _HEADS_RATE, _WARMUP_SHARE = 1e-4, 1e-3, 0.1
_SMOOTHED_LABELS, _EVIDENCE_WEIGHT = 0.05, 0.5
# Of passages that do not answer so many are read in an epoch for each that does; others in the next epoch.
_SILENT_SHARE = 1.5
# Batches of like length are cut from so many rows at a time.
_SORTED_BATCHES = 40
_RANGES_OF = 480


@dataclass(frozen=True, slots=True)
class Tokens:
    """A `JudgedPassage` as tokens."""

    question: list[int]
    context: list[int]
    sentences: list[list[int]]
    answer: int
    evidence: frozenset[int]

    def __len__(self) -> int:
        return len(self.question) + len(self.context) + sum(len(sentence) + 1 for sentence in self.sentences)


def train_reader(
    corpus: Path, out: Path, *, epochs: int = _EPOCHS, seed: int = 1, after_epoch: AfterEpoch = lambda *_: None
) -> None:
    """Teach a reader and write its folder to `out`.

    Args:
        corpus: the folder of policy files.
        after_epoch: called with the number of each epoch that is done and the model as it is.
    Raises:
        LabelError: judged passages cannot be read.
    """
    torch.manual_seed(seed)
    draw = Random(seed)
    tokenizer = reading_tokenizer()
    rows = [row for passages in judged_rows("train", corpus) for row in passages]
    judged = tokens(rows, tokenizer)
    written = tokens([*passage_rows(corpus), *contrast_rows()], tokenizer)
    model = ReaderModel(DEFAULT_FOLDER)
    _fit(model, judged, written, epochs=epochs, draw=draw, after_epoch=after_epoch)
    write_reader(model, judged, written, out, draw=draw)


def write_reader(
    model: ReaderModel, judged: Sequence[Tokens], written: Sequence[Tokens], out: Path, *, draw: Random
) -> None:
    """Write the folder of a taught `model`; the ranges of its factors are those that some of the rows have."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEFAULT_FOLDER / "tokenizer.json", out)
    some = draw.sample(judged, _RANGES_OF) + draw.sample(written, _RANGES_OF)
    batches = [_inputs(some[begin : begin + _BATCH], draw)[0] for begin in range(0, len(some), _BATCH)]
    write_reader_graph(model, out / GRAPH, batches)


def reading_tokenizer() -> Tokenizer:
    """The tokenizer that the reader reads with."""
    tokenizer = Tokenizer.from_file(str(DEFAULT_FOLDER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokens(rows: Sequence[JudgedPassage], tokenizer: Tokenizer) -> list[Tokens]:
    """Each of `rows` as tokens."""
    texts = [text for row in rows for text in (row.question, row.excerpt.context, *row.excerpt.sentences)]
    ids = iter([read.ids for read in tokenizer.encode_batch(texts, add_special_tokens=False)])
    return [
        Tokens(
            next(ids), next(ids), [next(ids) for _ in row.excerpt.sentences], ANSWERS.index(row.answer), row.evidence
        )
        for row in rows
    ]


def _fit(
    model: ReaderModel,
    judged: Sequence[Tokens],
    written: Sequence[Tokens],
    *,
    epochs: int,
    draw: Random,
    after_epoch: AfterEpoch,
) -> None:
    of_epochs = [list(_epoch(judged, written, draw)) for _ in range(epochs)]
    heads = [*model.answer.parameters(), *model.decides.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": list(model.encoder.parameters())}, {"params": heads}], lr=_ENCODER_RATE, weight_decay=0.01
    )
    steps = sum(map(len, of_epochs))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [_ENCODER_RATE, _HEADS_RATE], total_steps=steps, pct_start=_WARMUP_SHARE
    )
    for number, batches in enumerate(of_epochs, 1):
        model.train()
        for batch in batches:
            inputs, evidence, marks = _inputs(batch, draw)
            with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bf16()):
                answers, decides = model(**inputs)
            labels = torch.tensor([row.answer for row in batch])
            loss = _loss(answers.float(), decides.float(), labels, evidence, marks)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        after_epoch(number, model)


def _loss(answers: Tensor, decides: Tensor, labels: Tensor, evidence: Tensor, marks: Tensor) -> Tensor:
    counted = marks * (labels != _SILENT).unsqueeze(1)
    of_sentences = functional.binary_cross_entropy_with_logits(decides, evidence, reduction="none") * counted
    of_answers = functional.cross_entropy(answers, labels, label_smoothing=_SMOOTHED_LABELS)
    return of_answers + _EVIDENCE_WEIGHT * of_sentences.sum() / counted.sum().clamp(min=1)


def _epoch(judged: Sequence[Tokens], written: Sequence[Tokens], draw: Random) -> Iterator[list[Tokens]]:
    """All that answers, some that does not, and all that was written for it, in batches of like length in any order."""
    answering = [row for row in judged if row.answer != _SILENT]
    silent = [row for row in judged if row.answer == _SILENT]
    rows = answering + draw.sample(silent, min(len(silent), int(_SILENT_SHARE * len(answering)))) + list(written)
    draw.shuffle(rows)
    for begin in range(0, len(rows), _SORTED_BATCHES * _BATCH):
        ordered = sorted(rows[begin : begin + _SORTED_BATCHES * _BATCH], key=len)
        batches = [ordered[first : first + _BATCH] for first in range(0, len(ordered), _BATCH)]
        draw.shuffle(batches)
        yield from batches


def _inputs(batch: Sequence[Tokens], draw: Random) -> tuple[Mapping[str, Tensor], Tensor, Tensor]:
    """The inputs of `batch`, and of each token whether it marks evidence, and whether it marks a sentence at all.

    Of a passage that is too long what stands around a sentence of its evidence is read, or around any if it has none.
    """
    laid = []
    for row in batch:
        best = draw.choice(sorted(row.evidence) or range(len(row.sentences)))
        laid.append(lay_out(row.question, row.context, row.sentences, best=best))
    inputs = padded(laid)
    evidence, marks = (np.zeros(inputs["input_ids"].shape, dtype=np.float32) for _ in range(2))
    for number, (row, each) in enumerate(zip(batch, laid, strict=True)):
        for place, mark in enumerate(each.marks, each.first):
            marks[number, mark] = 1.0
            evidence[number, mark] = place in row.evidence
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    return tensors, torch.from_numpy(evidence), torch.from_numpy(marks)
