"""A company's passages are read and judged: what its policies say to a question, how surely, and which words say so.

It does not know names, chats or languages; callers pass each company's passages.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from index.policies.passages import Passage, context, sentence_texts
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from qa.answers import CompanyVerdict, Evidence, Hit, Outcome, Quotation
from qa.deadline import NO_DEADLINE, Deadline
from qa.effort import MOST_ITEMS
from qa.judgement import (
    READ,
    SAYS_FROM,
    Calibration,
    passage_signals,
    question_signals,
    read_signal,
    relative_scores,
)
from qa.logistic import probability
from qa.reading.reader import Excerpt, Reader, Reading, RememberingReader
from qa.reading.readings import answering_logit, answers_likely, deciding_sentences, states, weigh
from qa.retrieval import Candidates, Prepared
from qa.stages import stage

Vectors = np.ndarray


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out of a question before anything was decided: what calibration is fitted on.

    Attributes:
        signals: for each signal's name a value for each candidate, shape (n,).
        of_question: the question's own signals.
        readings: of those candidates that were read, by their place.
    """

    candidates: Candidates
    signals: dict[str, Vectors]
    of_question: dict[str, float]
    readings: dict[int, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """One company's candidates with the probability that each answers, in reading order.

    Attributes:
        says: the probability that one of them does.
        as_of: the day on which the versions are in force that it is about.
    """

    company_id: str
    candidates: Candidates
    readings: dict[int, Reading]
    scores: Vectors
    says: float
    as_of: date | None

    @property
    def best_first(self) -> list[int]:
        """The candidates' places, ties in reading order."""
        return [int(place) for place in np.lexsort((self.candidates.rows, -self.scores))]


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A sentence that answers, in a passage that does.

    Attributes:
        start, end: where it stands in the policy's text, in code points.
        passage_score: see `Hit.score`.
        sentence_score: the probability that this sentence says so, as the reader has it; None where it was not read.
    """

    passage: Passage
    start: int
    end: int
    text: str
    passage_score: float
    sentence_score: float | None


class Judge:
    """Reads and judges passages of one index. It holds no state of a question, so threads may share it."""

    def __init__(
        self, index: PolicyIndex, *, reader: Reader | None, calibration: Calibration, undated: frozenset[str]
    ) -> None:
        """`undated`: ids of policies that no date tells from another version of the same."""
        self._index = index
        self._reader = reader
        self._calibration = calibration
        self._undated = undated

    def remembering(self) -> "Judge":
        """The same, which reads the same words for the same question once; for one thread and one question."""
        judge = copy(self)
        judge._reader = RememberingReader(self._reader) if self._reader else None
        return judge

    def judged(
        self,
        question: str,
        prepared: Prepared,
        companies: Sequence[tuple[str, Candidates]],
        *,
        inside: float,
        as_of: date | None,
        depths: Sequence[int],
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Judged]:
        """Each company, by its id, with what its candidates say.

        Args:
            inside: the probability that any policy would.
            depths: of each, how many of its passages are read.
        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        judged = []
        groups = [candidates for _, candidates in companies]
        found = self.examined(question, prepared, groups, depths=depths, deadline=deadline)
        for (company_id, candidates), each in zip(companies, found, strict=True):
            # rounded before anything is decided, so that the outcome agrees with the number people see
            says = round(inside * self._calibration.says(each.of_question), 4) if len(candidates.rows) else 0.0
            scores = says * relative_scores(self._calibration.order(each.signals))
            judged.append(Judged(company_id, candidates, each.readings, scores.round(6), says, as_of))
        return judged

    def hits(self, each: Sequence[Judged], k: int) -> tuple[Hit, ...]:
        """The `k` best passages; of several companies each its best, then each its next, while k lasts."""
        turns = [(turn, judged, place) for judged in each for turn, place in enumerate(judged.best_first[:k])]
        turns.sort(key=lambda entry: (entry[0], *_rank(entry[1], entry[2])))
        return self._hits_at([(judged, place) for _, judged, place in turns[:k]])

    def nearest(self, each: Sequence[Judged], k: int) -> tuple[Hit, ...]:
        """The `k` best passages, whosever they are."""
        every = [(judged, place) for judged in each for place in judged.best_first[:k]]
        return self._hits_at(sorted(every, key=lambda entry: _rank(*entry))[:k])

    def _hits_at(self, places: Sequence[tuple[Judged, int]]) -> tuple[Hit, ...]:
        with stage("quote"):
            return tuple(self._hit(judged, place) for judged, place in sorted(places, key=lambda entry: _rank(*entry)))

    def examined(
        self,
        question: str,
        prepared: Prepared,
        groups: Sequence[Candidates],
        *,
        depths: Sequence[int],
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Examined]:
        """Each of `groups` with its signals; of each so many of the best passages as `depths` says are read."""
        signals = [passage_signals(candidates) for candidates in groups]
        chosen = []
        for candidates, known, depth in zip(groups, signals, depths, strict=True):
            order = self._calibration.order(known)
            chosen.append([int(place) for place in np.lexsort((candidates.rows, -order))[:depth]])
        pairs = zip(groups, chosen, strict=True)
        to_read = [(candidates, place) for candidates, places in pairs for place in places]
        readings = iter(self._read(question, to_read, deadline))
        examined = []
        for candidates, known, places in zip(groups, signals, chosen, strict=True):
            read = {place: next(readings) for place in places} if self._reader else {}
            if self._reader:
                known[READ] = read_signal(len(candidates.rows), list(read), list(read.values()))
            order = self._calibration.order(known)
            of_question = question_signals(prepared, candidates, order, list(read.values()))
            examined.append(Examined(candidates, known, of_question, read))
        return examined

    def order(self, candidates: Candidates) -> Vectors:
        """What `candidates` are ordered by before any is read: shape (n,), higher is better."""
        return self._calibration.order(passage_signals(candidates))

    def ranked(
        self, question: str, candidates: Candidates, places: Sequence[int], *, deadline: Deadline = NO_DEADLINE
    ) -> tuple[Vectors, dict[int, float]]:
        """What `candidates` are ordered by once those at `places` are read, and of these the probability of an answer.

        Without a reader each probability is the passage's score relative to the best.

        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        signals = passage_signals(candidates)
        if self._reader is None:
            order = self._calibration.order(signals)
            relative = relative_scores(order)
            return order, {place: float(relative[place]) for place in places}
        readings = self._read(question, [(candidates, place) for place in places], deadline)
        signals[READ] = read_signal(len(candidates.rows), places, readings)
        answers = [float(probability(np.float64(answering_logit(reading)))) for reading in readings]
        return self._calibration.order(signals), dict(zip(places, answers, strict=True))

    def _read(self, question: str, places: Sequence[tuple[Candidates, int]], deadline: Deadline) -> list[Reading]:
        if self._reader is None:
            return []
        with stage("read"):
            excerpts = [self._excerpt(candidates, place) for candidates, place in places]
            return self._reader.read(question, excerpts, deadline=deadline)

    def _excerpt(self, candidates: Candidates, place: int) -> Excerpt:
        passage = self._index.passages[int(candidates.rows[place])]
        text = self._index.policies[passage.policy_id].text
        best = int(np.argmax(candidates.sentence_scores[self._sentences_of(candidates, place)]))
        return Excerpt(context(text, passage), tuple(sentence_texts(text, passage)), best)

    def _sentences_of(self, candidates: Candidates, place: int) -> slice:
        row = int(candidates.rows[place])
        return slice(*np.searchsorted(candidates.sentence_rows, self._index.sentences.first[row : row + 2]))

    def spans(self, judged: Judged, *, threshold: float) -> Iterator[tuple[Policy, ScoredSpan]]:
        """Every sentence that answers in a passage whose score is `threshold` or more, the best passage's first."""
        for place in judged.best_first:
            score = float(judged.scores[place])
            if score < threshold or not score:
                return
            passage = self._passage(judged, place)
            policy = self._index.policies[passage.policy_id]
            deciding = judged.readings[place].deciding if place in judged.readings else None
            for start, end in self._evidence(judged, place, passage, policy.text):
                sure = None if deciding is None else deciding[passage.sentences.index((start, end))]
                sentence = None if sure is None else round(float(probability(np.float64(sure))), 4)
                yield policy, ScoredSpan(passage, start, end, policy.text[start:end], score, sentence)

    def _outcome(self, says: float) -> Outcome:
        if says >= SAYS_FROM:
            return Outcome.ANSWERED
        return Outcome.UNCLEAR if says >= self._calibration.unclear_from else Outcome.NOT_STATED

    def _hit(self, judged: Judged, place: int) -> Hit:
        passage = self._passage(judged, place)
        policy = self._index.policies[passage.policy_id]
        company = self._index.companies[policy.company_id]
        spans = self._evidence(judged, place, passage, policy.text) if self._is_quoted(judged, place) else []
        evidence = tuple(Evidence(start, end, policy.text[start:end]) for start, end in spans)
        return Hit(passage, policy, company, float(judged.scores[place]), evidence, undated=policy.id in self._undated)

    def _is_quoted(self, judged: Judged, place: int) -> bool:
        outcome = self._outcome(judged.says)
        if outcome is not Outcome.ANSWERED or place == judged.best_first[0]:
            return outcome is not Outcome.NOT_STATED and place == judged.best_first[0]
        if self._reader:
            return place in judged.readings and answers_likely(judged.readings[place])
        return bool(judged.scores[place] >= judged.says * self._calibration.evidence_from)

    def _evidence(self, judged: Judged, place: int, passage: Passage, text: str) -> list[tuple[int, int]]:
        """Where the sentences of a passage stand that answer, in reading order; see `qa.reading.readings`."""
        if place in judged.readings:
            logits = judged.readings[place].deciding
        else:
            scores = judged.candidates.sentence_scores[self._sentences_of(judged.candidates, place)]
            logits = scores - scores.max() + self._calibration.evidence_within
        return [passage.sentences[number] for number in deciding_sentences(sentence_texts(text, passage), logits)]

    def verdict(
        self, question: str, judged: Judged, *, items: int | None, deadline: Deadline = NO_DEADLINE
    ) -> CompanyVerdict:
        """What the company's policies say to `question`, with the words that say so.

        Args:
            items: quote every passage that states what is asked, and read so many other items of its list for that;
                None: quote the best.
        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        deadline.check()
        company, outcome = self._index.companies[judged.company_id], self._outcome(judged.says)
        if outcome is Outcome.NOT_STATED or not len(judged.candidates.rows):
            return CompanyVerdict(company, Outcome.NOT_STATED, None, judged.says, ())
        read = [place for place in judged.best_first if place in judged.readings] or judged.best_first[:1]
        verdict, by = None, read[:1]
        if outcome is Outcome.ANSWERED and self._reader:
            readings = [judged.readings[place] for place in read]
            weighed = weigh(readings, sure_from=self._calibration.verdict_from)
            verdict, by = weighed.verdict, [read[number] for number in weighed.by]
        if (
            items is not None
            and verdict is None
            and outcome is Outcome.ANSWERED
            and self._reader
            and states(judged.readings[by[0]])
        ):
            quotes = self._gathered(question, judged, read, items, deadline)
        else:
            quotes = [self._quotation(judged, [place]) for place in by]
        undated = self._undated.intersection(quote.policy.id for quote in quotes)
        return CompanyVerdict(company, outcome, verdict, judged.says, tuple(quotes), undated)

    def _quotation(self, judged: Judged, places: Sequence[int]) -> Quotation:
        """What answers in the passages at `places`, all of one policy version."""
        with stage("quote"):
            # rows are in the order of the newest version; an older one may have its passages in another
            found = sorted(((self._passage(judged, place), place) for place in places), key=lambda each: each[0].start)
            policy = self._index.policies[found[0][0].policy_id]
            spans = [span for passage, place in found for span in self._evidence(judged, place, passage, policy.text)]
            return Quotation(policy, tuple(passage for passage, _ in found), tuple(spans))

    def _passage(self, judged: Judged, place: int) -> Passage:
        """The passage at `place` as it stands in the version in force."""
        return self._index.passages.at(int(judged.candidates.rows[place]), as_of=judged.as_of)

    def _gathered(
        self, question: str, judged: Judged, read: Sequence[int], most_items: int, deadline: Deadline
    ) -> list[Quotation]:
        """All passages read that state what is asked; the items of a list together, those not yet read among them."""
        best = read[0]
        items = self._items_beside(judged, best)
        unread_items = [place for place in items if place not in judged.readings][:most_items]
        found = self._read(question, [(judged.candidates, place) for place in unread_items], deadline)
        readings = judged.readings | dict(zip(unread_items, found, strict=True))
        whole = replace(judged, readings=readings)
        stating = [place for place in readings if place == best or states(readings[place])]
        together = sorted(place for place in stating if place in items or place == best)
        others = [place for place in read if place in stating and place not in together]
        return [self._quotation(whole, together), *(self._quotation(whole, [place]) for place in others)]

    def _items_beside(self, judged: Judged, place: int) -> list[int]:
        """The places of the other items of the list that the passage at `place` is an item of, in reading order."""
        passage = self._passage(judged, place)
        if not passage.lead_ins:
            return []
        near = range(max(0, place - MOST_ITEMS), min(len(judged.candidates.rows), place + MOST_ITEMS + 1))
        beside = []
        for other in near:
            found = self._passage(judged, other)
            if other != place and (found.policy_id, found.lead_ins) == (passage.policy_id, passage.lead_ins):
                beside.append(other)
        return beside


def _rank(judged: Judged, place: int) -> tuple[float, int]:
    """What hits of several companies are sorted by: the likeliest first, ties in reading order."""
    return -float(judged.scores[place]), int(judged.candidates.rows[place])
