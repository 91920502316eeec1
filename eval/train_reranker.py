"""A cross-encoder of our own, trained: the shipped model, reading a question and a text together.

It learns whether a text answers a question: of labelled policies, sentences and passages that do against those that
lie nearest and do not, and what lies nearest where the policy says nothing of it; of the bank's questions, their
passages against near misses. The trainer and the loss are sentence-transformers'. It does not know the retrieval that
it comes after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from eval.tasks.labels import labelled_policies
from eval.train import Example, as_they_come, examples, freeze_lower_half, training_arguments
from eval.training_rows import Told, answering_each, not_answering, places_of, told_texts
from index.embedding import DEFAULT_FOLDER, Embedder
from qa.intents import Intent, read_intents

# What two cores do in about twenty minutes.
_BATCH, _MAX_TOKENS, _LEARNING_RATE, _PAIRS = 64, 128, 1e-4, 48_000
_NEAREST, _NEGATIVES = 10, 2
_PASSAGE_SHARE = 0.3
# Of each policy so many intents that it does not answer are asked.
_ABSENT = 20
_BANK_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, a text, and whether the text answers it."""

    question: str
    text: str
    answers: bool


def train_reranker(data: Path, out: Path, *, embedder: Embedder, pairs: int = _PAIRS, seed: int = 1) -> None:
    """Train on `data` (the folder with `corpus/` and `benchmarks/`) and write the cross-encoder to `out`.

    Args:
        embedder: the shipped model's; it tells which texts lie near a question.
        pairs: at most so many are read, once each.
    """
    from datasets import Dataset
    from sentence_transformers import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    draw = Random(seed)
    found = labelled_pairs(data / "corpus" / "policies", embedder, draw)
    bank = bank_pairs(examples(data), draw)
    found += draw.sample(bank, min(len(bank), int(len(found) * _BANK_SHARE)))
    read = in_batches_of_like_length(draw.sample(found, min(len(found), pairs)), draw)
    columns = {
        "question": [pair.question for pair in read],
        "text": [pair.text for pair in read],
        "label": [float(pair.answers) for pair in read],
    }
    model = CrossEncoder(str(DEFAULT_FOLDER), num_labels=1, max_length=_MAX_TOKENS, device="cpu")
    model.model.float()
    freeze_lower_half(model.model.bert)
    arguments = training_arguments(
        CrossEncoderTrainingArguments,
        _BATCH,
        _LEARNING_RATE,
        seed,
        batch_sampler=as_they_come,
    )
    trainer = CrossEncoderTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_dict(columns), loss=BinaryCrossEntropyLoss(model)
    )
    trainer.train()
    model.half().save_pretrained(str(out))


def labelled_pairs(corpus: Path, embedder: Embedder, draw: Random) -> list[Pair]:
    """Intents asked of the labelled train policies: what answers them, and the nearest that does not."""
    intents = read_intents()
    places = places_of(intents)
    pairs: list[Pair] = []
    for labelled in labelled_policies(split="train"):
        sentences, whole = told_texts(corpus, labelled, places)
        pairs += _pairs(sentences, intents, embedder, draw, share=1.0)
        pairs += _pairs(whole, intents, embedder, draw, share=_PASSAGE_SHARE)
    return pairs


def _pairs(
    texts: Sequence[Told], intents: Sequence[Intent], embedder: Embedder, draw: Random, *, share: float
) -> list[Pair]:
    answering = answering_each(texts)
    absent = [place for place in range(len(intents)) if place not in answering]
    asked = sorted(answering) + draw.sample(absent, min(_ABSENT, len(absent)))
    asked = draw.sample(asked, int(len(asked) * share))
    if not asked:
        return []
    questions = [draw.choice(intents[place]["questions"]) for place in asked]
    vectors = embedder.embed_passages([told.text for told in texts])
    nearness = embedder.embed_passages(questions) @ vectors.T
    pairs = []
    for place, question, near in zip(asked, questions, nearness, strict=True):
        others = not_answering(texts, near, place)[:_NEAREST]
        pairs += [
            Pair(question, other.text, answers=False) for other in draw.sample(others, min(_NEGATIVES, len(others)))
        ]
        if place in answering:
            pairs.append(Pair(question, draw.choice(answering[place]).text, answers=True))
    return pairs


def bank_pairs(found: Sequence[Example], draw: Random) -> list[Pair]:
    """Each example's passage, or a near miss: a question that it does not answer, a passage that does not answer."""
    pairs = []
    for example in found:
        pairs.append(Pair(example.question, example.passage, answers=True))
        if example.near_miss and draw.random() < 0.5:
            pairs.append(Pair(example.near_miss, example.passage, answers=False))
        elif example.others:
            pairs.append(Pair(example.question, draw.choice(example.others[:6]), answers=False))
    return pairs


def in_batches_of_like_length(pairs: Sequence[Pair], draw: Random) -> list[Pair]:
    """`pairs` so that each batch holds texts of like length, in any order of batches; a last short batch falls out."""
    ordered = sorted(pairs, key=lambda pair: (len(pair.question) + len(pair.text)) // 40)
    batches = [ordered[begin : begin + _BATCH] for begin in range(0, len(ordered), _BATCH)]
    whole = [batch for batch in batches if len(batch) == _BATCH]
    draw.shuffle(whole)
    return [pair for batch in whole for pair in batch]
