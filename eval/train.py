"""The shipped embedding model, trained again: MiniLM tuned on questions for passages of real policies.

Three rounds of contrastive tuning by sentence-transformers' trainer. In the first two, of each question the model
learns which passage answers it, against another passage of the same policy; of each passage, which question it
answers, against one that only shares its topic; in the second the other passage is one that the first round's model
finds near, and now and then a sentence stands for its passage. The third reads policies whose every sentence is
labelled with the intents that it answers, so that of what stands in a batch it is known whether it answers; it tunes
the upper half of the layers alone, which takes half the time. At last the weights are averaged with the base's
(Wortsman et al. 2022), so that general questions are not forgotten.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from eval.questions import json_lines
from eval.tasks.bank import BANK, bank_dev_files, without_placeholder
from eval.training_rows import (
    MAX_PASSAGE_TOKENS,
    Row,
    batches,
    clause_rows,
    intent_rows,
    labelled_rows,
    read_split,
)
from index.embedding import base_model_folder
from index.policies.passages import Passage, embedded_text, sentence_texts
from index.policies.versions import Policy
from index.terms import TermIndex, Thesaurus, terms
from qa.intents import Embed, unlearned_weights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.utils.data import BatchSampler

# The first two rounds: what 2 cores did in about half an hour. Longer texts are cut in training only.
_BATCH, _MAX_TOKENS, _WARMUP = 48, 112, 0.1
_LEARNING_RATES = (6e-5, 3e-5, 5e-5)
_THIRD_BATCH, _THIRD_MAX_TOKENS, _THIRD_BATCHES = 64, 80, 600
_FROZEN_LAYERS = 3
_LABEL_ROUNDS = 2
# How much of the average is the tuned model's: decision 22.
TUNED_SHARE = 0.9
_NEAREST = 12
_HARD = slice(1, 6)
_SENTENCE_SHARE = 0.45
# "does this service sell my data": the words that stand for the name go, as a company's name does.
_STANDS_FOR_NAME = re.compile(
    r"\b(does|do|is|can|will|of|from|by|with|about|at|to) this (?:service|app|website|site|company)\b"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A question, the passage that answers it, and what stands near both.

    Attributes:
        sentences: the sentences of the passage.
        others: passages of the same policy that share words with the question, nearest first.
        near_miss: a question on the passage's topic that it does not answer, where one was written.
    """

    question: str
    passage: str
    sentences: tuple[str, ...]
    others: tuple[str, ...]
    near_miss: str | None


def examples(data: Path) -> list[Example]:
    """The bank's questions (but for its dev policies), and ToS;DR's train questions with their quotes."""
    return [*_bank_examples(data / "corpus" / "policies"), *_tosdr_examples(data / "benchmarks" / "tosdr_quotes")]


def train(data: Path, out: Path, *, start: Path | None = None, share: float = TUNED_SHARE, seed: int = 1) -> None:
    """Train on `data` (the folder with `corpus/` and `benchmarks/`) and write the model to `out`, in half precision.

    Args:
        start: a model after two rounds, to train the third only.
        share: how much of the averaged weights is the tuned model's, in [0, 1].
    """
    from eval.onnx_graph import write_graph, write_questions_graph

    found = examples(data)
    draw = random.Random(seed)
    if start:
        model = _loaded(str(start))
    else:
        model = _loaded(base_model_folder())
        rows = [(e.question, e.passage, _drawn(e, found, draw), e.near_miss) for e in found]
        _tune(model, rows, _LEARNING_RATES[0], seed)
        _tune(model, _harder(model, found, draw), _LEARNING_RATES[1], seed + 1)
    _tune_on_labels(model, found, data / "corpus" / "policies", draw, seed + 2)
    model.max_seq_length = MAX_PASSAGE_TOKENS + 2
    _average(model, _loaded(base_model_folder()), share)
    model.half().save(str(out), create_model_card=False)
    write_graph(out)
    write_questions_graph(out)


def _loaded(folder: str) -> "SentenceTransformer":
    import torch
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(folder, device=None if torch.cuda.is_available() else "cpu").float()


def _average(model: "SentenceTransformer", base: "SentenceTransformer", share: float) -> None:
    weights, others = model.state_dict(), base.state_dict()
    for name, weight in weights.items():
        if weight.is_floating_point():
            weight.mul_(share).add_(others[name].to(weight), alpha=1 - share)


def _embedding(model: "SentenceTransformer") -> Embed:
    """What embeds texts by `model` as it is now, each once."""
    import torch

    known: dict[str, np.ndarray] = {}

    def embed(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        with torch.autocast(model.device.type, torch.bfloat16, enabled=multiplies_bf16()):
            known.update(zip(new, model.encode(new, normalize_embeddings=True, show_progress_bar=False), strict=True))
        return np.stack([known[text] for text in texts])

    return embed


def _third_rows(found: Sequence[Example], corpus: Path, embed: Embed, draw: random.Random) -> list[list[Row]]:
    """The third round's batches: the labelled policies `_LABEL_ROUNDS` times, half of the first rounds' examples."""
    plain = [Row(e.question, e.passage, _drawn(e, found, draw)) for e in draw.sample(found, len(found) // 2)]
    made: list[list[Row]] = []
    for _ in range(_LABEL_ROUNDS):
        made += batches(labelled_rows(corpus, embed, draw), _THIRD_BATCH, draw)
    made += batches([intent_rows(draw), clause_rows(draw), plain], _THIRD_BATCH, draw)
    whole = [batch for batch in made if len(batch) == _THIRD_BATCH]
    return draw.sample(whole, min(_THIRD_BATCHES, len(whole)))


def _tune_on_labels(
    model: "SentenceTransformer", found: Sequence[Example], corpus: Path, draw: random.Random, seed: int
) -> None:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    from eval.losses import KnownAnswersLoss

    model.max_seq_length = _THIRD_MAX_TOKENS
    embed = _embedding(model)
    rows = [row for batch in _third_rows(found, corpus, embed, draw) for row in batch]
    data = Dataset.from_dict(
        {
            "question": [row.question for row in rows],
            "text": [row.text for row in rows],
            "other": [row.other for row in rows],
            "label": list(range(len(rows))),
        }
    )
    arguments = training_arguments(
        SentenceTransformerTrainingArguments,
        _THIRD_BATCH,
        _LEARNING_RATES[2],
        seed,
        batch_sampler=as_they_come,
    )
    loss = KnownAnswersLoss(model, rows, classifiers=unlearned_weights(embed))
    transformer: Any = model[0]
    freeze_lower_half(transformer.model)
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss).train()


def freeze_lower_half(encoder: Any) -> None:
    """Leave embeddings and lower layers as they are, and drop nothing out: with both, a batch takes half the time."""
    import torch

    for part in (encoder.embeddings, *encoder.encoder.layer[:_FROZEN_LAYERS]):
        part.requires_grad_(requires_grad=False)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


Arguments = TypeVar("Arguments")
Pair = tuple[str, str, str, str | None]


def _drawn(example: Example, others: Sequence[Example], draw: random.Random) -> str:
    return draw.choice(example.others[:6]) if example.others else draw.choice(others).passage


def _harder(model: "SentenceTransformer", found: Sequence[Example], draw: random.Random) -> list[Pair]:
    """Rows whose other passage the model itself finds near, and whose passage may be its nearest sentence."""
    texts = sorted({text for e in found for text in (*e.others, *e.sentences)})
    rows_of = {text: row for row, text in enumerate(texts)}
    vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=True)
    questions = model.encode([e.question for e in found], normalize_embeddings=True)
    rows: list[Pair] = []
    for e, vector in zip(found, questions, strict=True):
        nearness = {text: float(vectors[rows_of[text]] @ vector) for text in (*e.others, *e.sentences)}
        others = sorted(e.others, key=lambda text: -nearness[text])
        other = draw.choice(others[_HARD]) if len(others) > 3 else _drawn(e, found, draw)
        passage = e.passage
        if len(e.sentences) > 1 and draw.random() < _SENTENCE_SHARE:
            passage = max(e.sentences, key=lambda text: nearness[text])
        rows.append((e.question, passage, other, e.near_miss))
    return rows


def _tune(model: "SentenceTransformer", rows: Sequence[Pair], learning_rate: float, seed: int) -> None:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from sentence_transformers.training_args import BatchSamplers

    model.max_seq_length = _MAX_TOKENS
    missed = [row for row in rows if row[3]]
    sets = {
        "question": Dataset.from_dict(
            {"anchor": [r[0] for r in rows], "positive": [r[1] for r in rows], "negative": [r[2] for r in rows]}
        ),
        "passage": Dataset.from_dict(
            {"anchor": [r[1] for r in missed], "positive": [r[0] for r in missed], "negative": [r[3] for r in missed]}
        ),
    }
    loss = MultipleNegativesRankingLoss(model, scale=20.0)
    arguments = training_arguments(
        SentenceTransformerTrainingArguments, _BATCH, learning_rate, seed, batch_sampler=BatchSamplers.NO_DUPLICATES
    )
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=sets, loss=dict.fromkeys(sets, loss)).train()


def as_they_come(dataset: Any, batch_size: int, drop_last: bool, **_: Any) -> "BatchSampler":  # noqa: FBT001 - the trainer's
    """A trainer's sampler of batches that were put together before."""
    from torch.utils.data import BatchSampler, SequentialSampler

    return BatchSampler(SequentialSampler(dataset), batch_size, drop_last)


def training_arguments(
    kind: Callable[..., Arguments], batch: int, learning_rate: float, seed: int, *, batch_sampler: Any
) -> Arguments:
    """The arguments of either trainer of sentence-transformers: one epoch, as the machine computes best."""
    import torch

    return kind(
        output_dir="runs/training",
        num_train_epochs=1,
        per_device_train_batch_size=batch,
        learning_rate=learning_rate,
        warmup_steps=_WARMUP,
        lr_scheduler_type="cosine",
        weight_decay=0.01,
        batch_sampler=batch_sampler,
        use_cpu=not torch.cuda.is_available(),
        bf16=multiplies_bf16(),
        save_strategy="no",
        report_to=[],
        seed=seed,
    )


def multiplies_bf16() -> bool:
    """Whether the machine is faster in bf16; two cores with it are by a third."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _bank_examples(folder: Path) -> Iterable[Example]:
    entries = [fields for _, fields in json_lines(BANK)]
    dev = bank_dev_files(entries)
    by_file = defaultdict(list)
    for entry in entries:
        if entry["file"] not in dev:
            by_file[entry["file"]].append(entry)
    for file, asked in sorted(by_file.items()):
        policy = _PolicyTexts.of(folder / file)
        for entry in asked:
            mine = policy.overlapping([(entry["start"], entry["end"])])[:1]
            for question in entry["yes"]:
                yield from policy.examples(without_placeholder(question), mine, without_placeholder(entry["no"][0]))


def _tosdr_examples(folder: Path) -> Iterable[Example]:
    labelled = {fields["_id"]: fields for _, fields in json_lines(folder / "corpus.jsonl")}
    questions = {fields["_id"]: fields for _, fields in json_lines(folder / "queries.jsonl")}
    by_question = defaultdict(list)
    for line in (folder / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question_id, passage_id, _ = line.split("\t")
        by_question[question_id].append(labelled[passage_id])
    for question_id, spans in sorted(by_question.items()):
        policy = _PolicyTexts.of(folder / "docs" / spans[0]["file"])
        mine = policy.overlapping([(span["start"], span["end"]) for span in spans])[:2]
        yield from policy.examples(_STANDS_FOR_NAME.sub(r"\1", questions[question_id]["text"]), mine, None)


@dataclass(frozen=True, slots=True)
class _PolicyTexts:
    """A policy's passages, what is embedded of each, and an index of their words."""

    policy: Policy
    passages: Sequence[Passage]
    texts: Sequence[str]
    words: TermIndex

    @classmethod
    def of(cls, path: Path) -> "_PolicyTexts":
        policy, split = read_split(path)
        texts = [embedded_text(policy.text, passage) for passage in split]
        thesaurus = Thesaurus.shipped()
        return cls(policy, split, texts, TermIndex.build([terms(text, thesaurus) for text in texts], k1=1.2, b=0.5))

    def overlapping(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """The places of the passages that hold a character of `spans`, in reading order."""
        return [
            place
            for place, passage in enumerate(self.passages)
            if any(passage.start < end and start < passage.end for start, end in spans)
        ]

    def examples(self, question: str, answering: Sequence[int], near_miss: str | None) -> Iterable[Example]:
        """One for each of the passages at `answering`; none where the policy has no other passage."""
        scores = self.words.scores(terms(question, Thesaurus.shipped()))
        nearest = [place for place in np.argsort(-scores, kind="stable") if place not in answering]
        others = tuple(self.texts[place] for place in nearest[:_NEAREST])
        for place in answering if others else ():
            sentences = tuple(sentence_texts(self.policy.text, self.passages[place]))
            yield Example(question, self.texts[place], sentences, others, near_miss)
