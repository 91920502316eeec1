"""Which words of a question are a company's name, and whether the question is about that company.

A small convolution over word vectors and marks of spelling and punctuation, learned from generated questions
(`eval.train_names`): a word is a name where the sentence uses it as one. It does not know which companies there are,
but for the spans that it is given.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from index.embedding import DEFAULT_FOLDER
from index.language.english import english_words, word_counts
from index.terms import STOPWORDS, brands
from qa.logistic import softmax

Array = np.ndarray

WEIGHTS = Path(__file__).with_name("name_tagger.npz")
NOT_A_NAME, ASKED_ABOUT, DEALT_WITH = range(3)
SPELLING_FEATURES, PLACE_FEATURES = 13, 19
_EMBEDDINGS = "embeddings.word_embeddings.weight"
_TOKEN = re.compile(r"[^\W_]+(?:[-.&'’!+][^\W_]+)*")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s$", re.IGNORECASE)
_DOMAIN = re.compile(r"^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,12}$")
_OPENING, _CLOSING = "\"“'‘«„[", "\"”'’»“"
_APOSTROPHES = ("'", "’")
_LATIN_ENDS = 0x24F


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a question at `start:end`, its possessive ending left out."""

    text: str
    start: int
    end: int
    possessive: bool


@dataclass(frozen=True, slots=True)
class KnownSpan:
    """Tokens `first` to before `last` spell a name of the index; `as_written`: with its capitals, if any."""

    first: int
    last: int
    as_written: bool


def tokenize(question: str) -> list[Token]:
    """The words of `question`; marks inside a word belong to it.

    >>> [(token.text, token.possessive) for token in tokenize("is AT&T's wi-fi or O'Reilly.com safe?")]
    [('is', False), ('AT&T', True), ('wi-fi', False), ('or', False), ("O'Reilly.com", False), ('safe', False)]
    """
    found = []
    for match in _TOKEN.finditer(question):
        ending = _POSSESSIVE.search(match[0])
        end = match.start() + (ending.start() if ending else len(match[0]))
        plural = match[0][-1] in "sS" and question[match.end() : match.end() + 1] in _APOSTROPHES
        found.append(Token(question[match.start() : end], match.start(), end, ending is not None or plural))
    return found


class NameTagger:
    """The trained network; it holds no state of a question, so threads may share it."""

    def __init__(self, weights: Mapping[str, Array], folder: Path = DEFAULT_FOLDER) -> None:
        """`weights`: see `eval.train_names`; `folder` holds the model whose word vectors they were trained on."""
        from tokenizers import Tokenizer

        self._weights = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in weights.items()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._embeddings = _mapped(folder / "model.safetensors", _EMBEDDINGS)

    @property
    def dimension(self) -> int:
        """How many numbers a word's vector has."""
        return int(self._embeddings.shape[1])

    @classmethod
    @cache
    def shipped(cls) -> "NameTagger":
        """The one that comes with the product."""
        with np.load(WEIGHTS, allow_pickle=False) as kept:
            return cls({name: kept[name] for name in kept.files})

    def probabilities(self, question: str, tokens: Sequence[Token], known: Sequence[KnownSpan]) -> Array:
        """For each token the probabilities of `NOT_A_NAME`, `ASKED_ABOUT` and `DEALT_WITH`, shape (len(tokens), 3)."""
        if not tokens:
            return np.zeros((0, 3), dtype=np.float32)
        weights = self._weights
        inputs = np.hstack(
            (self.word_vectors(question, tokens) @ weights["projection"], marks(question, tokens, known))
        )
        first = _convolved(inputs, weights["first"], weights["first_bias"])
        # What is anywhere in the question: whether somebody else is named, or "they" are asked.
        anywhere = first.max(axis=0) @ weights["anywhere"]
        second = _convolved(first, weights["second"], weights["second_bias"], anywhere)
        return softmax(np.hstack((first, second)) @ weights["out"] + weights["out_bias"])

    def word_vectors(self, question: str, tokens: Sequence[Token]) -> Array:
        """For each token the mean of its word pieces' input embeddings, of length 1: shape (len(tokens), dimension)."""
        pieces: list[list[int]] = [[] for _ in tokens]
        read = self._tokenizer.encode(question, add_special_tokens=False)
        place, last = 0, len(tokens) - 1
        for piece, (start, _) in zip(read.ids, read.offsets, strict=True):
            while place < last and tokens[place + 1].start <= start:
                place += 1
            if tokens[place].start <= start < tokens[place].end:
                pieces[place].append(piece)
        sums = self._embeddings[[of_token[0] if of_token else 0 for of_token in pieces]].astype(np.float32)
        for place, of_token in enumerate(pieces):
            if len(of_token) != 1:
                sums[place] = self._embeddings[of_token].sum(axis=0, dtype=np.float32)
        found: Array = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
        return found


def marks(question: str, tokens: Sequence[Token], known: Sequence[KnownSpan]) -> Array:
    """How each token is spelt, what stands around it, and whether it is in a known span, shape (len(tokens), 32)."""
    spelling = np.array([spelling_marks(token.text) for token in tokens], dtype=np.float32)
    texts = [token.text for token in tokens if any(map(str.isalpha, token.text))]
    long_words = [text for text in texts if len(text) > 3]
    lower = all(map(str.islower, texts))
    upper = len(tokens) > 1 and all(map(str.isupper, texts))
    titled = sum(text[0].isupper() for text in long_words) >= 0.8 * len(long_words)
    title = not upper and len(long_words) > 2 and titled
    place = np.zeros((len(tokens), PLACE_FEATURES), dtype=np.float32)
    place[:, 3:6] = lower, upper, title
    place[0, 0] = place[-1, 1] = 1.0
    previous_end = 0
    for number, token in enumerate(tokens):
        row = place[number]
        row[2] = token.possessive
        before = question[previous_end : token.start]
        end = token.end + (
            0 if not token.possessive else 2 if question[token.end + 1 : token.end + 2] in ("s", "S") else 1
        )
        after = question[end : tokens[number + 1].start] if number + 1 < len(tokens) else question[end:] + "$"
        previous_end = end
        if before != " ":
            row[6] = any(mark in before for mark in ".!?;")
            row[7] = any(mark in before for mark in ":-–—/")
            row[8] = "," in before
            row[9] = before[-1:] != "" and before[-1] in _OPENING
            row[10] = before[-1:] == "("
        if after != " ":
            row[11] = any(mark in after for mark in ".!?;")
            row[12] = any(mark in after for mark in ":–—/") or " - " in after
            row[13] = "," in after
            row[14] = after[0] in _CLOSING
            row[15] = "?" in after or "$" in after
    for span in known:
        place[span.first : span.last, 16 if span.last - span.first == 1 else 17] = 1.0
        if span.as_written:
            place[span.first : span.last, 18] = 1.0
    return np.hstack((spelling, place))


@lru_cache(50_000)
def spelling_marks(text: str) -> tuple[float, ...]:
    """What a word's spelling and the language's word list tell of it: `SPELLING_FEATURES` numbers in [0, 1]."""
    word = text.lower()
    capital = [letter.isupper() for letter in text if letter.isalpha()]
    all_capitals = len(text) > 1 and bool(capital) and all(capital)
    return (
        bool(capital) and capital[0] and not (all_capitals and len(capital) > 1),
        all_capitals,
        any(capital[1:]) and not all(capital),
        any(map(str.isdigit, text)),
        word in english_words(),
        math.log10(1 + word_counts().get(word, 0)) / 8,
        word in STOPWORDS,
        "." in word and _DOMAIN.match(word) is not None,
        word in brands(),
        len(text) == 1,
        len(text) <= 3,
        any(ord(letter) > _LATIN_ENDS for letter in text),
        not capital,
    )


def _convolved(inputs: Array, weights: Array, bias: Array, of_taps: Array | None = None) -> Array:
    """A one-dimensional convolution and ReLU; `weights` of shape (width, channels in, channels out), width odd.

    `of_taps`, shape (width, channels out), is what further channels give that are the same at every place.
    """
    width, _, outputs = weights.shape
    summed = _windows(inputs, width) @ weights.reshape(-1, outputs) + bias
    if of_taps is not None:
        summed += _windows(np.ones((len(inputs), 1), dtype=np.float32), width) @ of_taps
    found: Array = np.maximum(summed, 0.0, out=summed)
    return found


def _windows(rows: Array, width: int) -> Array:
    """For each of `rows` the `width` around it in one, beyond the ends zero: shape (rows, width * channels)."""
    count, channels = rows.shape
    padded = np.zeros((count + width - 1, channels), dtype=np.float32)
    padded[width // 2 : width // 2 + count] = rows
    return np.concatenate([padded[shift : shift + count] for shift in range(width)], axis=1)


def _mapped(path: Path, tensor: str) -> Array:
    """`tensor` of a safetensors file, mapped from the disk: processes share it, and only rows in use are read."""
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(header_bytes))[tensor]
    begin, _ = entry["data_offsets"]
    kinds = {"F16": np.float16, "F32": np.float32}
    return np.asarray(
        np.memmap(
            path, dtype=kinds[entry["dtype"]], mode="r", offset=8 + header_bytes + begin, shape=tuple(entry["shape"])
        )
    )
