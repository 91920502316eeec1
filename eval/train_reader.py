"""The reader, taught from judged passages and questions written for it; see `eval/reading/README.md`.

Cross-entropy over `ANSWERS`, and for each sentence of a passage that answers whether it is evidence. Batches hold
inputs of like length. Word vectors stay as they are, which saves a fifth of the time.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from eval.reader_graph import read_reader_graph, write_reader_graph
from eval.reader_model import ReaderModel
from eval.reading_rows import ANSWERING, JudgedPassage, contrast_rows, intent_rows, judged_rows, passage_rows
from eval.train import multiplies_bf16
from index.embedding import DEFAULT_FOLDER, open_embedder
from index.onnx_embedding import open_session
from qa.logistic import softmax
from qa.reading.reader import ANSWERS, GRAPH, MAX_TOKENS, Laid, lay_out, padded

_SILENT = ANSWERS.index("silent")
# How a passage answers is not known; that it does is: any answer but silence is right.
_ANSWERING = -1
_BATCH = 32
_ENCODER_RATE, _HEADS_RATE, _WARMUP_SHARE = 1e-4, 1e-3, 0.05
_SMOOTHED_LABELS, _EVIDENCE_WEIGHT = 0.05, 0.5
# How many tokens a batch's inputs may have, drawn for each: the reader serves with any of these.
_MAX_TOKENS = (80, 96, 112, 128)
# A row that the reader to start from gives this probability at the least is read in every so manieth epoch.
_SURE, _SURE_EVERY = 0.93, 3
# Batches of like length are cut from so many rows at a time.
_SORTED_BATCHES = 40
_RANGES_OF = 480
# Questions come without the company's name: "does notify me" as well as "do they notify me".
_SUBJECT, _NO_SUBJECT_SHARE = re.compile(r"\b(?:they|it|them) ", re.IGNORECASE), 0.3
_REPORT_EVERY = 200
# With 0, .4, .7 and 1 of the taught weights: AUROC .860, .873, .886, .886 (own test, n=572), and of the surest 54 % of
# verdicts .894, .876, .832, .837 right (n=194): decision 67.
_TAUGHT_SHARE = 0.4


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


def train_reader(corpus: Path, out: Path, *, start: Path | None = None, epochs: int = 4, seed: int = 1) -> None:
    """Teach a reader and write its folder to `out`; what it tells of the dev questions after each epoch is printed.

    Args:
        corpus: the folder of policy files.
        start: the folder of a reader to go on from; without it the shipped embedding model's encoder.
    Raises:
        LabelError: judged passages cannot be read.
    """
    torch.manual_seed(seed)
    draw = Random(seed)
    tokenizer = reading_tokenizer()
    groups = [*judged_rows("train", corpus), *judged_rows("near_misses", corpus)]
    asked = [*(row for rows in groups for row in rows), *intent_rows(corpus, open_embedder(), draw)]
    judged = tokens(_some_without_subject(asked, draw), tokenizer)
    written = tokens(_some_without_subject([*passage_rows(corpus), *contrast_rows()], draw), tokenizer)
    dev = [tokens(rows, tokenizer) for rows in judged_rows("dev", corpus)]
    model = ReaderModel(DEFAULT_FOLDER)
    rows = [*judged, *written]
    if start:
        begun = read_reader_graph(start / GRAPH, model.encoder.config.num_hidden_layers)
        model.load_state_dict(begun)
        _fit(model, rows, dev, _sure(rows, start / GRAPH, draw), epochs=epochs, draw=draw)
        model.load_state_dict(_mean(begun, model.state_dict()))
        print(_told_of(model, dev, draw), file=sys.stderr, flush=True)
    else:
        _fit(model, rows, dev, frozenset(), epochs=epochs, draw=draw)
    write_reader(model, judged, written, out, draw=draw)


def _mean(begun: Mapping[str, Tensor], taught: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights between where a reader began and where it ended (Wortsman et al. 2022)."""
    return {
        name: torch.lerp(begun[name], value, _TAUGHT_SHARE) if value.is_floating_point() else value
        for name, value in taught.items()
    }


def _some_without_subject(rows: Sequence[JudgedPassage], draw: Random) -> list[JudgedPassage]:
    return [
        replace(row, question=_SUBJECT.sub("", row.question)) if draw.random() < _NO_SUBJECT_SHARE else row
        for row in rows
    ]


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
            next(ids),
            next(ids),
            [next(ids) for _ in row.excerpt.sentences],
            _ANSWERING if row.answer == ANSWERING else ANSWERS.index(row.answer),
            row.evidence,
        )
        for row in rows
    ]


def _sure(rows: Sequence[Tokens], graph: Path, draw: Random) -> frozenset[int]:
    """The places of the rows that the reader of `graph` surely reads as they were judged."""
    session, found = open_session(graph), set()
    ordered = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    for begin in range(0, len(ordered), _BATCH):
        numbers = ordered[begin : begin + _BATCH]
        laid = [_laid(rows[number], draw, max_tokens=MAX_TOKENS) for number in numbers]
        shares = softmax(session.run(None, padded(laid))[0])
        found |= {number for place, number in enumerate(numbers) if _share(shares[place], rows[number].answer) >= _SURE}
    return frozenset(found)


def _share(shares: np.ndarray, answer: int) -> float:
    return float(1 - shares[_SILENT] if answer == _ANSWERING else shares[answer])


def _fit(
    model: ReaderModel,
    rows: Sequence[Tokens],
    dev: Sequence[Sequence[Tokens]],
    sure: frozenset[int],
    *,
    epochs: int,
    draw: Random,
) -> None:
    of_epochs = [list(_epoch(rows, sure, number, draw)) for number in range(epochs)]
    model.encoder.embeddings.word_embeddings.requires_grad_(requires_grad=False)
    encoder = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
    heads = [*model.answer.parameters(), *model.decides.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": encoder}, {"params": heads}], lr=_ENCODER_RATE, weight_decay=0.01, fused=True
    )
    steps = sum(map(len, of_epochs))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [_ENCODER_RATE, _HEADS_RATE], total_steps=steps, pct_start=_WARMUP_SHARE
    )
    compiled = torch.compile(model, dynamic=True)
    done, total = 0, 0.0
    for batches in of_epochs:
        model.train()
        for batch in batches:
            inputs, evidence, marks = _inputs(batch, draw)
            with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bf16()):
                answers, decides = compiled(**inputs)
            labels = torch.tensor([row.answer for row in batch])
            loss = _loss(answers.float(), decides.float(), labels, evidence, marks)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*encoder, *heads], 1.0)
            optimizer.step()
            schedule.step()
            done, total = done + 1, total + float(loss.detach())
            if done % _REPORT_EVERY == 0:
                print(f"batch {done} of {steps}, loss {total / _REPORT_EVERY:.4f}", file=sys.stderr, flush=True)
                total = 0.0
        print(_told_of(model, dev, draw), file=sys.stderr, flush=True)


def _told_of(model: ReaderModel, dev: Sequence[Sequence[Tokens]], draw: Random) -> str:
    """How well `model` tells which questions are answered, and how."""
    model.eval()
    answering, answered, right = [], [], []
    with torch.no_grad():
        for rows in dev:
            logits, _ = model(**_inputs(rows, draw)[0])
            likely = torch.logsumexp(logits[:, :_SILENT], dim=1) - logits[:, _SILENT]
            answering.append(float(likely.max()))
            answered.append(any(row.answer != _SILENT for row in rows))
            right += [
                int(logits[place, :_SILENT].argmax()) == row.answer
                for place, row in enumerate(rows)
                if row.answer != _SILENT
            ]
    return (
        f"dev: AUROC {roc_auc_score(answered, answering):.4f} of {len(dev)} questions, "
        f"{np.mean(right):.4f} of {len(right)} answers right"
    )


def _loss(answers: Tensor, decides: Tensor, labels: Tensor, evidence: Tensor, marks: Tensor) -> Tensor:
    counted = marks * (labels != _SILENT).unsqueeze(1)
    of_sentences = functional.binary_cross_entropy_with_logits(decides, evidence, reduction="none") * counted
    of_answers = functional.cross_entropy(
        answers, labels.clamp(min=0), label_smoothing=_SMOOTHED_LABELS, reduction="none"
    )
    answering = torch.logsumexp(answers, dim=1) - torch.logsumexp(answers[:, :_SILENT], dim=1)
    of_answers = torch.where(labels == _ANSWERING, answering, of_answers).mean()
    return of_answers + _EVIDENCE_WEIGHT * of_sentences.sum() / counted.sum().clamp(min=1)


def _epoch(rows: Sequence[Tokens], sure: frozenset[int], number: int, draw: Random) -> Iterator[list[Tokens]]:
    """The rows of an epoch, of those in `sure` some, in batches of like length in any order."""
    chosen = [row for place, row in enumerate(rows) if place not in sure or place % _SURE_EVERY == number % _SURE_EVERY]
    draw.shuffle(chosen)
    for begin in range(0, len(chosen), _SORTED_BATCHES * _BATCH):
        ordered = sorted(chosen[begin : begin + _SORTED_BATCHES * _BATCH], key=len)
        batches = [ordered[first : first + _BATCH] for first in range(0, len(ordered), _BATCH)]
        draw.shuffle(batches)
        yield from batches


def _laid(row: Tokens, draw: Random, *, max_tokens: int) -> Laid:
    """Of a passage that is too long what stands around a sentence of its evidence, or around any if it has none."""
    best = draw.choice(sorted(row.evidence) or range(len(row.sentences)))
    return lay_out(row.question, row.context, row.sentences, best=best, max_tokens=max_tokens)


def _inputs(batch: Sequence[Tokens], draw: Random) -> tuple[Mapping[str, Tensor], Tensor, Tensor]:
    """The inputs of `batch`, and of each token read whether it marks evidence, and whether it marks a sentence."""
    max_tokens = draw.choice(_MAX_TOKENS)
    laid = [_laid(row, draw, max_tokens=max_tokens) for row in batch]
    inputs = padded(laid)
    evidence, marks = (np.zeros(inputs["read_at"].shape, dtype=np.float32) for _ in range(2))
    for number, (row, each) in enumerate(zip(batch, laid, strict=True)):
        marks[number, 1 : 1 + len(each.marks)] = 1.0
        evidence[
            number, [1 + place - each.first for place in row.evidence if 0 <= place - each.first < len(each.marks)]
        ] = 1.0
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    return tensors, torch.from_numpy(evidence), torch.from_numpy(marks)
