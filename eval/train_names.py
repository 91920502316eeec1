"""Train the tagger of names (`qa.question.name_tagger`) on questions made of frames, names and the question bank.

    python -m eval.train_names CORPUS

The frames, one a line, are in `names/`: {X}, {Y} and {Z} are companies asked about, {T} and {U} companies merely dealt
with, {Q} a question that names nobody, {N} what it is about, {V} what is done with it; `words.txt` names nobody,
`heads.txt` and `tails.txt` go before and behind a question, `pairs.txt` stands for the company in one, `also.txt` goes
behind one. All were written for this project. A name is a real one of `names.txt` or a made one, of ordinary words
among others, so that the network has to learn how a sentence uses a name, not which there are.
"""

import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.misspelling import misspelt
from eval.questions import json_lines
from index.language.english import word_counts
from index.terms import STOPWORDS, brands
from qa.question.name_tagger import (
    ASKED_ABOUT,
    DEALT_WITH,
    NOT_A_NAME,
    PLACE_FEATURES,
    SPELLING_FEATURES,
    WEIGHTS,
    KnownSpan,
    NameTagger,
    Token,
    marks,
    tokenize,
)

HERE = Path(__file__).parent
FRAMES = HERE / "names"
_QUESTIONS, _EPOCHS, _BATCH = 150_000, 6, 64
_PROJECTED, _FIRST, _SECOND = 48, 128, 64
_MOST_TOKENS = 60
_MISTYPED = 0.12
# A teacher each; the network learns from the mean of what they say. The shipped one had two teachers more, which had
# not seen the last frames (decision 54); a run of this file makes a network much like it, not the same.
_WORDS_HIDDEN = (0.0, 0.1)
_TEACHERS_WEIGH = 0.7
_SLOT = re.compile(r"\{([XYZTU])\}")
_SYLLABLES = """ba be bi bo bu da de di do du fa fe fi ga go ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no nu pa
pe pi po ra re ri ro ru sa se si so ta te ti to va ve vi vo wa xe za ze zi zo zu""".split()
_OTHERS = re.compile(
    r"\b(?:(?:other|third|outside) (?:parties|companies|firms|businesses|people|sites|websites|services)|advertisers"
    r"|partners|service providers|vendors|an? (?:third party|advertiser|partner|processor)|(?:its|their) (?:partners"
    r"|affiliates|vendors|service providers)|affiliates|google|facebook|law enforcement|the police|anyone|anybody"
    r"|social networks?|data brokers?|brokers|payment processors?)\b"
)
_NOUNS = "data photos e-mail address files messages location account".split()


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with the role of each of its tokens; those not `counted` teach nothing."""

    text: str
    tokens: list[Token]
    roles: list[int]
    counted: list[bool]
    known: list[KnownSpan]


@dataclass(frozen=True, slots=True)
class _Row:
    """A question as the network reads it, what it is to say of each token, and which tokens count: a row a token."""

    features: np.ndarray
    target: np.ndarray
    counted: np.ndarray


class Generator:
    """Questions without end, from a seed."""

    def __init__(self, seed: int, corpus: Path) -> None:
        """`corpus`: a folder of policies, with a manifest of whose they are and under which licence."""
        self._random = random.Random(seed)
        self._frames = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in FRAMES.glob("*.txt")}
        self._names = self._frames.pop("names")
        bank = [entry for _, entry in json_lines(HERE / "bank.jsonl")]
        questions: list[str] = [question for entry in bank for question in entry["yes"] + entry.get("no", [])]
        self._naming = [question for question in questions if "COMPANY" in question]
        self._plain = [question for question in questions if "COMPANY" not in question]
        self._clauses = list(_clauses(corpus))
        self._clause_set, self._words_set = set(self._clauses), set(self._frames["words"])
        outside = (HERE / "scope" / "outside.txt").read_text(encoding="utf-8").splitlines()
        self._others = [question for question in outside if "COMPANY" not in question]
        done = (re.match(r"(?:does|will|can|would|could) COMPANY (.+?)[ ?.]*$", text) for text in self._naming)
        self._actions = [match[1] for match in done if match and "COMPANY" not in match[1]]
        objects = (
            re.match(r".*\bCOMPANY (?:keep|store|share|collect|sell|use|hold|get|see|know|read)s? (.+?)[ ?.]*$", text)
            for text in self._naming
        )
        self._objects = [match[1] for match in objects if match and len(match[1].split()) <= 4]
        ordinary = sorted(word_counts().items(), key=lambda entry: (-entry[1], entry[0]))[200:15_000]
        self._words = [word for word, _ in ordinary if word.isalpha() and len(word) > 2]

    def questions(self, count: int) -> Iterator[Labelled]:
        """`count` of them."""
        while count:
            labelled = self._labelled()
            if 0 < len(labelled.tokens) <= _MOST_TOKENS:
                yield labelled
                count -= 1

    def _frame(self) -> str:
        """A question with slots for names."""
        choice: Callable[[Sequence[str]], str] = self._random.choice
        kind = self._random.choices(
            ["bank", "asked", "several", "dealt", "words", "plain", "other", "clause"], [25, 19, 6, 13, 21, 8, 3, 5]
        )[0]
        if kind == "clause":
            return choice(self._clauses)
        if kind == "bank":
            return self._banked()
        if kind in self._frames:
            return choice(self._frames[kind])
        return choice(self._plain if kind == "plain" else self._others)

    def _banked(self) -> str:
        """A question of the bank about one company or two, and perhaps about somebody it deals with."""
        draw, choice = self._random.random, self._random.choice
        subject = choice(self._frames["pairs"]) if draw() < 0.12 else "{X}"
        text = choice(self._naming).replace("COMPANY", "{X}", 1).replace("COMPANY", "it").replace("{X}", subject)
        if draw() < 0.5:
            text = _OTHERS.sub("{T}", text, count=1)
        drawn = draw()
        if drawn < 0.08:
            text = choice(self._frames["heads"]) + text
        elif drawn < 0.16:
            text = text.rstrip(" ?.") + choice(self._frames["tails"])
        elif drawn < 0.2 and "{Y}" not in text:
            text = text.rstrip(" ?.") + choice(self._frames["also"])
        return text

    def _filled(self, text: str) -> str:
        draw, choice = self._random.random, self._random.choice
        if "{Q}" in text:
            question = choice(self._plain)
            text = text.replace("{Q}", question[:1].lower() + question[1:] if draw() < 0.5 else question)
        if draw() < 0.05:
            text = choice(["hi, ", "hello! ", "Please tell me: ", "ok, ", "so ", "and ", "but ", "Hey, "]) + text
        if draw() < 0.04:
            text += choice([" please", " thanks", " in the EU", " if I am in Germany", " under GDPR", " asap"])
        while "{V}" in text:
            text = text.replace("{V}", choice(self._actions), 1)
        while "{N}" in text:
            text = text.replace("{N}", choice(self._objects) if draw() < 0.7 else f"my {choice(_NOUNS)}", 1)
        return text

    def _text_and_spans(self, raw: str) -> tuple[str, list[tuple[int, int, int]], str | None]:
        draw, frame, style = self._random.random, self._filled(raw), self._random.random()
        text, position, spans = "", 0, []
        for slot in _SLOT.finditer(frame):
            text += frame[position : slot.start()]
            position = slot.end()
            name, drawn = self._name(), draw()
            if style < 0.3 or drawn < 0.08:
                name = name.lower()
            elif drawn < 0.12:
                name = name.upper()
            quotes: Sequence[str] = ("", "")
            if text[-1:] not in ('"', "“", "'") and draw() < 0.06:
                quotes = self._random.choice(['""', "“”", "''", "‘’", "«»", "„“"])
            text += quotes[0]
            role = DEALT_WITH if slot[1] in "TU" else ASKED_ABOUT
            spans.append((len(text), len(text) + len(name), role))
            text += name + quotes[1]
        text += frame[position:]
        as_published = text if raw in self._clause_set else None
        restyled = text
        if style < 0.3:
            restyled = text.lower()
        elif style < 0.36:
            restyled = text.upper()
        elif style < 0.4:
            restyled = re.sub(r"(?<![\w'’])[a-z]", lambda match: match[0].upper(), text)
        elif style < 0.8:
            restyled = text[:1].upper() + text[1:]
        text = restyled if len(restyled) == len(text) else text
        if as_published is None and draw() < _MISTYPED:
            text, spans = self._mistyped(text, spans)
        if draw() < 0.6 and not text.endswith(("?", ".", "!")):
            text += self._random.choice("???? .!")
        return text.rstrip(), spans, as_published

    def _mistyped(self, text: str, spans: list[tuple[int, int, int]]) -> tuple[str, list[tuple[int, int, int]]]:
        """`text` with a letter of a word wrong that is no name: it is still none."""
        words = [
            match
            for match in re.finditer(r"[a-z]{5,}", text)
            if not any(s < match.end() and e > match.start() for s, e, _ in spans)
        ]
        if not words:
            return text, spans
        word = self._random.choice(words)
        wrong = self._misspelt(word[0])
        longer = len(wrong) - len(word[0])
        moved = [(s + longer, e + longer, role) if s >= word.end() else (s, e, role) for s, e, role in spans]
        return text[: word.start()] + wrong + text[word.end() :], moved

    def _labelled(self) -> Labelled:
        draw = self._random.random
        frame = self._frame()
        text, spans, as_published = self._text_and_spans(frame)
        tokens = tokenize(text)
        roles = [NOT_A_NAME] * len(tokens)
        named = []
        for start, end, role in spans:
            places = [n for n, token in enumerate(tokens) if token.start < end and token.end > start]
            for place in places:
                roles[place] = role
            if places:
                named.append((places[0], places[-1] + 1))
        # A sentence of a policy names others that nobody labelled.
        counted = [
            role != NOT_A_NAME
            or not (token.text.lower() in brands() or (as_published and _may_be_name(as_published, token)))
            for token, role in zip(tokens, roles, strict=True)
        ]
        # Half of the names are in the index, of some only their first word; and some words are names there.
        share = 0.9 if draw() < 0.3 else 0.5
        known = []
        for first, last in named:
            if draw() < share:
                lower = text[tokens[first].start : tokens[last - 1].end].islower()
                known.append(KnownSpan(first, last, draw() < 0.85 and not lower))
            elif last - first > 1 and draw() < 0.25:
                known.append(KnownSpan(first, first + 1, as_written=False))
        if draw() < (0.8 if frame in self._words_set else 0.4):
            free = [
                place
                for place, token in enumerate(tokens)
                if roles[place] == NOT_A_NAME and (token.text.lower() not in STOPWORDS or draw() < 0.15)
            ]
            for place in self._random.sample(free, min(len(free), self._random.choice([1, 1, 1, 2, 3]))):
                pair = draw() < 0.2 and place + 1 < len(tokens) and roles[place + 1] == NOT_A_NAME
                capital = not tokens[place].text[0].islower() and draw() < 0.8
                known.append(KnownSpan(place, place + (2 if pair else 1), capital and not pair))
        return Labelled(text, tokens, roles, counted, known)

    def _name(self) -> str:
        name = self._random.choice(self._names) if self._random.random() < 0.5 else self._made_name().strip()
        return self._misspelt(name) if len(name) > 5 and self._random.random() < 0.06 else name

    def _misspelt(self, name: str) -> str:
        return misspelt(name, self._random.randrange(1, len(name) - 1), self._random)

    def _made_name(self) -> str:
        draw, choice = self._random.random(), self._random.choice

        def word() -> str:
            return choice(self._words).capitalize()

        def either() -> str:
            return self._coined() if self._random.random() < 0.5 else word()

        kinds: dict[float, Callable[[], str]] = {
            0.30: word,
            0.40: lambda: f"{word()} {word()}",
            0.48: lambda: word() + word(),
            0.66: self._coined,
            0.70: lambda: f"{self._coined()} {word()}",
            0.75: lambda: either().lower() + choice(".com .io .org .net .co.uk .de .app .me .tv".split()),
            0.79: lambda: f"{either()} {choice('Inc. GmbH Ltd LLC Corp. AG S.A. Inc Limited AB'.split())}",
            0.83: lambda: f"The {word()} {choice([word(), ''])}",
            0.87: lambda: (
                either() + choice([": ", " - ", " – "]) + " ".join(word() for _ in choice(["ab", "abc", "abcd"]))
            ),
            0.91: lambda: choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + choice(["", "&M", "&K", "3", "9", f". {word()}"]),
            0.94: lambda: "".join(choice("ABCDEFGHIKLMNOPRSTUVW") for _ in range(choice([2, 3, 3, 4]))),
            0.96: lambda: word() + choice([" & ", " and ", " of ", " of the ", " for "]) + word(),
            0.98: lambda: self._coined() + choice(["!", "+", " 24", " 365", " 2", "?"]),
            1.00: lambda: choice(["O'", "Mc", "De ", "d'"]) + self._coined(),
        }
        return next(make for most, make in kinds.items() if draw < most)()

    def _coined(self) -> str:
        choice = self._random.choice
        stem = "".join(choice(_SYLLABLES) for _ in range(choice([2, 2, 3, 3, 4])))
        ending = choice(["", "", "n", "x", "r", "ly", "fy", "io", "tech", "hub", "box", "app", "kit", "soft", "oo"])
        return (stem + ending).capitalize() if self._random.random() < 0.85 else stem + ending


def _clauses(corpus: Path) -> Iterator[str]:
    """Short sentences of policies that may train, with {X} for whose they are."""
    for _, entry in json_lines(corpus / "manifest.jsonl"):
        if entry["dropped"] or not entry["licence"].startswith("ODC-BY"):
            continue
        name = re.compile(rf"(?<!\w){re.escape(entry['company'])}(?!\w)")
        sentences = re.split(r"(?<=[.!?])\s+|\n+", (corpus / "policies" / entry["file"]).read_text(encoding="utf-8"))
        short = [text for text in sentences if 4 <= len(text.split()) <= 22 and text[0].isalpha() and "{" not in text]
        named = [text for text in short if name.search(text)]
        for text in named[:15] + [text for text in short if text not in named][:45:3]:
            yield name.sub("{X}", text)


def _may_be_name(text: str, token: Token) -> bool:
    """Whether `token` has a capital that the beginning of a sentence does not explain."""
    return token.start > 0 and text[token.start].isupper()


def train(
    corpus: Path,
    questions: int = _QUESTIONS,
    *,
    seed: int = 1,
    words_hidden: float = 0.0,
    teachers: Sequence[Mapping[str, np.ndarray]] = (),
) -> dict[str, np.ndarray]:
    """The weights of a network trained on so many questions, in half precision.

    `words_hidden`: of so many of the words only the marks are seen, so that what stands around a word tells.
    `teachers`: weights of other networks, trained on other questions, whose probabilities it learns beside the roles.
    """
    taught_by = [NameTagger(weights) for weights in teachers]
    reader = NameTagger({})
    rows = [_row(made, reader, taught_by) for made in Generator(seed, corpus).questions(questions)]
    state = {name: tensor.numpy() for name, tensor in _fitted(rows, seed, words_hidden).items()}
    second = state["second.weight"].transpose(2, 1, 0)
    weights = {
        "projection": state["projection.weight"].T,
        "first": state["first.weight"].transpose(2, 1, 0),
        "first_bias": state["first.bias"],
        "second": second[:, :_FIRST],
        "anywhere": second[:, _FIRST:],
        "second_bias": state["second.bias"],
        "out": state["out.weight"][:, :, 0].T,
        "out_bias": state["out.bias"],
    }
    return {name: array.astype(np.float16) for name, array in weights.items()}


def _row(made: Labelled, reader: NameTagger, teachers: Sequence[NameTagger]) -> _Row:
    target = np.eye(3, dtype=np.float32)[made.roles]
    if teachers:
        said = np.mean([each.probabilities(made.text, made.tokens, made.known) for each in teachers], axis=0)
        target = (1.0 - _TEACHERS_WEIGH) * target + _TEACHERS_WEIGH * said
    vectors = reader.word_vectors(made.text, made.tokens)
    features = np.hstack((vectors, marks(made.text, made.tokens, made.known))).astype(np.float16)
    return _Row(features, target, np.array(made.counted, dtype=np.float32))


def _fitted(rows: Sequence[_Row], seed: int, words_hidden: float) -> Mapping[str, Any]:
    """The parameters, by name, of a network fitted to `rows`."""
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    torch.manual_seed(seed)
    marks_count = SPELLING_FEATURES + PLACE_FEATURES
    dimension = rows[0].features.shape[1] - marks_count

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.projection = nn.Linear(dimension, _PROJECTED, bias=False)
            self.first = nn.Conv1d(_PROJECTED + marks_count, _FIRST, 7, padding=3)
            self.second = nn.Conv1d(2 * _FIRST, _SECOND, 5, padding=2)
            self.out = nn.Conv1d(_FIRST + _SECOND, 3, 1)
            self.dropout = nn.Dropout(0.25)

        def forward(self, features: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
            vectors = features[..., :dimension]
            if self.training:
                vectors = vectors * (torch.rand(vectors.shape[:2]) >= words_hidden)[..., None]
            projected = self.projection(self.dropout(vectors))
            inputs = torch.cat([projected, features[..., dimension:]], -1) * there[..., None]
            first = torch.relu(self.first(inputs.transpose(1, 2))) * there[:, None]
            anywhere = first.max(dim=2, keepdim=True).values.expand_as(first) * there[:, None]
            second = torch.relu(self.second(self.dropout(torch.cat([first, anywhere], 1)))) * there[:, None]
            logits: torch.Tensor = self.out(torch.cat([first, second], 1)).transpose(1, 2)
            return logits

    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    batches = [slice(begin, begin + _BATCH) for begin in range(0, len(rows), _BATCH)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=_EPOCHS * len(batches))
    shuffled = random.Random(seed)
    for epoch in range(_EPOCHS):
        by_length = sorted(rows, key=lambda row: (len(row.target), shuffled.random()))
        shuffled.shuffle(batches)
        lost = 0.0
        for batch in batches:
            chosen = by_length[batch]
            features, target, counted = (
                nn.utils.rnn.pad_sequence([torch.from_numpy(part).float() for part in parts], batch_first=True)
                for parts in zip(*((row.features, row.target, row.counted) for row in chosen), strict=True)
            )
            lengths = torch.tensor([len(row.target) for row in chosen])
            there = (torch.arange(target.shape[1]) < lengths[:, None]).float()
            logits = network(features, there)
            loss = cross_entropy(logits.flatten(0, 1), target.flatten(0, 1), reduction="none")
            loss = (loss * counted.flatten()).sum() / counted.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            lost += loss.item()
        print(f"epoch {epoch + 1} of {_EPOCHS}: loss {lost / len(batches):.4f}", flush=True)
    return network.state_dict()


if __name__ == "__main__":
    policies = Path(sys.argv[1])
    teachers = [train(policies, seed=seed, words_hidden=hidden) for seed, hidden in enumerate(_WORDS_HIDDEN)]
    np.savez_compressed(WEIGHTS, **train(policies, seed=len(teachers), teachers=teachers))  # type: ignore[arg-type]
