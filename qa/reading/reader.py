"""The seam `Reader`: a question and the best passages go in, and for each comes out how it answers, and where.

The shipped reader is a network of six layers in whole numbers, computed by ONNX Runtime; `python -m eval train-reader`
writes its folder. A question and a passage are laid out as [CLS] question [SEP] context [mark] sentence [mark]
sentence ... [SEP]: the first token's state tells how the passage answers, each mark's state whether the sentence
behind it says so (as BERTSUM marks sentences; Liu & Lapata 2019). It does not know companies or policies.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from index.errors import ModelError
from index.onnx_embedding import batches_of_like_length, open_session
from qa.deadline import NO_DEADLINE, Deadline

Vectors = np.ndarray
Ids = Sequence[int]

READER_FOLDER = Path(__file__).with_name("model")
GRAPH, WORDS, TOKENIZER = "reader.onnx", "words.bin", "tokenizer.json"
"""The files of a reader's folder: the network, its word vectors, and how it cuts text into tokens."""
SHIPPED, NONE = "shipped", "none"
CLS, SEP, MARK = 101, 102, 2
"""Tokens of BERT's English vocabulary; the mark is one that no text has (`[unused1]`)."""
MAX_TOKENS = 112
# Of 112, 336, 512, 1,024 and 2,048 the fewest processor seconds a passage (decision 60).
_BATCH_TOKENS = 512
MAX_QUESTION_TOKENS, MAX_CONTEXT_TOKENS = 40, 32
LEAST_CUT = 6
"""A sentence is cut to no fewer tokens, its mark among them."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "read_at")
"""What the network takes; `read_at` has the places of the tokens whose states are read: the first one and the marks."""

ANSWERS = ("yes", "no", "depends", "states", "silent")
"""How a passage may answer: yes, no, it depends or in part, by stating what another question asks, or not at all."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is read of a passage.

    Attributes:
        context: the headings and lead-ins that govern it, as plain text; "" if there are none.
        sentences: its sentences as plain text, in reading order.
        best: the place in `sentences` of the one most like the question: a long passage is read around it.
    """

    context: str
    sentences: tuple[str, ...]
    best: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """How a passage answers a question.

    Attributes:
        logits: shape (5,), of `ANSWERS`.
        deciding: shape (number of sentences,): of each sentence the logit that it says so; -inf where it was not read.
    """

    logits: Vectors
    deciding: Vectors


class Reader(Protocol):
    """What reads.

    Attributes:
        name: what it is called, for people.
        content_hash: changes whenever its readings may: what calibration depends on.
    """

    name: str
    content_hash: str

    def read(self, question: str, excerpts: Sequence[Excerpt], *, deadline: Deadline = NO_DEADLINE) -> list[Reading]:
        """A reading of each of `excerpts`, by itself: it does not depend on what is read beside it.

        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        ...


class RememberingReader:
    """A `Reader` that reads the same once: versions of a policy share most of their passages."""

    def __init__(self, reader: Reader) -> None:
        self.name, self.content_hash = reader.name, reader.content_hash
        self._reader = reader
        self._readings: dict[tuple[str, Excerpt], Reading] = {}

    def read(self, question: str, excerpts: Sequence[Excerpt], *, deadline: Deadline = NO_DEADLINE) -> list[Reading]:
        """See `Reader`."""
        unread = [each for each in dict.fromkeys(excerpts) if (question, each) not in self._readings]
        for each, reading in zip(unread, self._reader.read(question, unread, deadline=deadline), strict=True):
            self._readings[question, each] = reading
        return [self._readings[question, each] for each in excerpts]


def open_reader(name: str = SHIPPED) -> "OnnxReader | None":
    """The reader called `name`: "shipped", "none", or the folder of another.

    Raises:
        ModelError: there is none such.
    """
    if name == NONE:
        return None
    if name != SHIPPED and not Path(name).is_dir():
        raise ModelError(f"no reader {name!r}: give {SHIPPED}, {NONE} or the folder of one")
    return OnnxReader(READER_FOLDER if name == SHIPPED else Path(name))


class OnnxReader:
    """A `Reader` of a folder with `GRAPH`, `WORDS` and `TOKENIZER`."""

    def __init__(self, folder: Path = READER_FOLDER) -> None:
        """Raises:
        ModelError: a file is missing or damaged.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = open_session(folder / GRAPH)
            made_of = [(folder / name).read_bytes() for name in (GRAPH, WORDS, TOKENIZER)]
            self.content_hash = hashlib.sha256(b"".join(made_of)).hexdigest()
        # onnxruntime and tokenizers raise types of their own, which derive from Exception alone
        except Exception as error:
            raise ModelError(f"the reader in {folder} cannot be read ({error}); install askpolicy again") from error
        self.name = folder.name
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def read(self, question: str, excerpts: Sequence[Excerpt], *, deadline: Deadline = NO_DEADLINE) -> list[Reading]:
        """See `Reader`."""
        if not excerpts:
            return []
        texts = [question]
        for excerpt in excerpts:
            texts += [excerpt.context, *excerpt.sentences]
        ids = iter([read.ids for read in self._tokenizer.encode_batch(texts, add_special_tokens=False)])
        asked = next(ids)
        laid = []
        for excerpt in excerpts:
            context = next(ids)
            sentences = [next(ids) for _ in excerpt.sentences]
            laid.append(lay_out(asked, context, sentences, best=excerpt.best))
        readings: dict[int, Reading] = {}
        for places in batches_of_like_length([len(each.ids) for each in laid], most_tokens=_BATCH_TOKENS):
            deadline.check()
            logits, deciding = self._session.run(None, padded([laid[place] for place in places]))
            for row, place in enumerate(places):
                each = laid[place]
                decides = np.full(len(excerpts[place].sentences), -np.inf)
                decides[each.first : each.first + len(each.marks)] = deciding[row, 1 : 1 + len(each.marks)]
                readings[place] = Reading(logits[row].astype(np.float64).round(4), decides.round(4))
        return [readings[place] for place in range(len(excerpts))]


@dataclass(frozen=True, slots=True)
class Laid:
    """An input of the reader.

    Attributes:
        ids: the tokens; begin: where the passage begins among them.
        first: the place of the first sentence read; marks: where in `ids` the marks of it and those after it stand.
    """

    ids: list[int]
    begin: int
    first: int
    marks: list[int]


def lay_out(question: Ids, context: Ids, sentences: Sequence[Ids], *, best: int, max_tokens: int = MAX_TOKENS) -> Laid:
    """The tokens of `question`, `context` and as many `sentences` around that at `best` as fit.

    What follows it comes first, as an exception does. The room that is left is filled with the end of the sentence
    before those and the beginning of the one behind them; a sentence too long by itself is cut.
    """
    ids = [CLS, *question[:MAX_QUESTION_TOKENS], SEP]
    begin = len(ids)
    ids += context[-MAX_CONTEXT_TOKENS:]
    lengths = [len(sentence) + 1 for sentence in sentences]
    room = max_tokens - len(ids) - 1
    first, end = window(lengths, best=best, room=room)
    read = list(sentences[first:end])
    before, after = first > 0, end < len(sentences)
    left = (room - sum(lengths[first:end])) // max(1, before + after)
    if left >= LEAST_CUT and after:
        read.append(sentences[end][: left - 1])
    if left >= LEAST_CUT and before:
        first -= 1
        read.insert(0, sentences[first][1 - left :])
    marks = []
    for sentence in read:
        marks.append(len(ids))
        ids += [MARK, *sentence]
    return Laid([*ids[: max_tokens - 1], SEP], begin, first, marks)


def window(lengths: Sequence[int], *, best: int, room: int) -> tuple[int, int]:
    """The run `first:end` of sentences around that at `best` whose `lengths` fit into `room`; at least that one.

    >>> window([5, 5, 5, 5], best=1, room=11)
    (1, 3)
    >>> window([5, 5, 5, 5], best=3, room=11)
    (2, 4)
    """
    first, end = best, best + 1
    room -= lengths[best]
    while True:
        if end < len(lengths) and lengths[end] <= room:
            room -= lengths[end]
            end += 1
        elif first and lengths[first - 1] <= room:
            first -= 1
            room -= lengths[first]
        else:
            return first, end


def padded(laid: Sequence[Laid]) -> dict[str, Vectors]:
    """The reader's inputs by name, int64, each of shape (len(laid), most tokens); `read_at` (len(laid), n)."""
    length, read = max(len(each.ids) for each in laid), 1 + max(len(each.marks) for each in laid)
    shapes = [(len(laid), length)] * 3 + [(len(laid), read)]
    inputs = {name: np.zeros(shape, dtype=np.int64) for name, shape in zip(INPUTS, shapes, strict=True)}
    for row, each in enumerate(laid):
        stop = len(each.ids)
        inputs["input_ids"][row, :stop] = each.ids
        inputs["attention_mask"][row, :stop] = 1
        inputs["token_type_ids"][row, each.begin : stop] = 1
        inputs["read_at"][row, 1 : 1 + len(each.marks)] = each.marks
    return inputs
