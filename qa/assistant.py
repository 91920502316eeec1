"""A question goes in, an answer comes out: the one door that the API, the CLI and the evaluation use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from index.embedding import Embedder
from index.errors import BadK
from index.language.detect import READ_LANGUAGES, can_read
from index.policies.passages import Passage, embedded_text, sentence_texts
from index.policies.series import undated_twins
from index.policy_index import PolicyIndex
from index.terms import Thesaurus
from qa.answer_kinds import asked_kinds
from qa.answers import Answer, Answerer, Evidence, ExtractiveAnswerer, Hit, Outcome
from qa.deadline import NO_DEADLINE, Deadline
from qa.evidence import chosen_sentences
from qa.intents import Intents
from qa.judgement import (
    HOLDS_WHAT_IS_ASKED,
    RERANKED,
    Calibration,
    likeness,
    passage_signals,
    question_signals,
)
from qa.question.mentions import CompanyNames
from qa.question.query import Query
from qa.question.scope import Scope
from qa.question.spelling import Spelling
from qa.question.understanding import Understanding
from qa.reranker import Reranker
from qa.retrieval import Candidates, Prepared, Retriever
from qa.stages import stage
from qa.unread import NoVersion, Unread, unread

MAX_K = 100
MAX_HISTORY = 50
# How many candidates a reranker reads: decision 8.
_RERANKED_DEPTH = 8
# A company's second hit must be better by this factor to stand before another company's first.
_REPEATED_COMPANY = 0.85
# How many companies are looked at where none is named.
_JUDGED_COMPANIES = 10
_EVEN = 0.5
# So likely must a policy say what hardly is about privacy: "best pizza in town" is not answered with an address.
_TOLD_OUTSIDE = 0.25

Vectors = np.ndarray


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out of a question before anything was decided: what calibration is fitted on.

    Attributes:
        signals: for each signal's name a value for each candidate, shape (n,).
        of_question: the question's own signals.
    """

    candidates: Candidates
    signals: dict[str, Vectors]
    of_question: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Judged:
    """Candidates with the probability that each answers, in reading order.

    Attributes:
        says: the probability that one of them does; told: whether that is enough to say so.
        likeness: of each, see `qa.judgement.likeness`.
        as_of: the day on which the versions are in force that it is about.
    """

    candidates: Candidates
    scores: Vectors
    says: float
    told: bool
    likeness: Vectors
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a search found, best first, and how its question was understood."""

    query: Query
    hits: tuple[Hit, ...]


class Assistant:
    """Answers questions from one opened index. Safe to share between threads: it holds no state of a question."""

    def __init__(
        self,
        index: PolicyIndex,
        embedder: Embedder,
        *,
        reranker: Reranker | None = None,
        answerer: Answerer | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.index = index
        names = CompanyNames(list(index.companies.values()), lower_case_words=index.words)
        self._understanding = Understanding(names, Spelling(index.words))
        places = index.policies.places.values()
        self._embedder = embedder
        self._retriever = Retriever(index)
        self._thesaurus = Thesaurus.shipped()
        self._scope = Scope(embedder)
        self._intents = Intents(embedder)
        self._reranker = reranker
        self._answerer = answerer or ExtractiveAnswerer()
        self._undated = frozenset(policy.id for policy in undated_twins(place.policy for place in places))
        self._all_readable = all(can_read(place.policy.language) for place in places)
        self._calibration = calibration or Calibration.shipped(reranked=reranker is not None)

    def ask(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Answer:
        """The answer to `question`.

        Args:
            companies: ids, names, aliases or domains: it is about these, or those of them that it names.
            history: earlier questions of the same chat, oldest first; the last few are read.
            k: how many passages at most, 1 to 100.
            as_of: answer from the versions in force on that day; None means the day that it names, or the latest.
        Raises:
            BadQuestion: `question` or one of `history`, see `checked_question`.
            BadK: see `checked_k`.
            UnknownCompany: one of `companies` is not in the index. (One that the question names is an outcome.)
            DeadlineExceeded: it is later than `deadline`.
        """
        *_, answer = self.steps(question, companies=companies, history=history, k=k, as_of=as_of, deadline=deadline)
        if not isinstance(answer, Answer):
            raise TypeError(f"the last step is an Answer, got {answer!r}")
        return answer

    def steps(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Iterator[Query | tuple[Hit, ...] | Answer]:
        """What `ask` finds out, as soon as it does: how the question was understood, the passages, the answer.

        A question that is not about companies of the index, or not for policies at all, has no passages.

        Raises:
            BadQuestion, BadK, UnknownCompany, DeadlineExceeded: as `ask`; all but the last before the first step.
        """
        k = checked_k(k)
        query = self.understand(question, companies=companies, history=history, as_of=as_of, deadline=deadline)
        refused = _refused(query)
        if refused:
            yield query
            yield self._answer(query, refused)
            return
        deadline.check()
        vector = self._vector(query.topic)
        inside = self._inside(query.topic, vector)
        outside = inside <= _EVEN
        if query.unknown and not query.matched:
            query = replace(query, unknown=()) if outside else query
            yield query
            yield self._answer(query, Outcome.OUT_OF_SCOPE if outside else Outcome.UNKNOWN_COMPANY)
            return
        yield query
        deadline.check()
        closed = self._unread(query)
        if closed and len(closed) == len(query.companies or self.index.companies):
            yield self._answer(query, _outcome_of(closed), closed=closed)
            return
        hits = self._hits(query, vector, inside, k)
        outcome = Outcome.ANSWERED
        if not any(hit.evidence for hit in hits):
            outcome = Outcome.OUT_OF_SCOPE if outside else Outcome.NOT_STATED
            hits = _without_evidence(hits)
        yield hits
        yield self._answer(query, outcome, hits, closed=closed if query.companies else ())

    def search(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Ranking:
        """The `k` passages nearest to `question`, best first, ties in reading order; no outcome is judged.

        A question that names only companies that the index lacks finds nothing.

        Raises:
            BadQuestion, BadK, UnknownCompany, DeadlineExceeded: as `ask`.
        """
        k = checked_k(k)
        query = self.understand(question, companies=companies, as_of=as_of, deadline=deadline)
        if not query.matched and (query.unknown or query.not_covered):
            return Ranking(query, ())
        deadline.check()
        vector = self._vector(query.topic)
        return Ranking(query, self._hits(query, vector, self._inside(query.topic, vector), k))

    def understand(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Query:
        """`question` with what its chat and the companies given beside it add to it; nothing is searched.

        Raises:
            BadQuestion, UnknownCompany, DeadlineExceeded: as `ask`.
        """
        with stage("understand"):
            return self._understanding.query(
                question, companies=companies, history=history, as_of=as_of, deadline=deadline
            )

    def _vector(self, topic: str) -> Vectors:
        with stage("embed"):
            vector: Vectors = self._embedder.embed_questions([topic])[0]
            return vector

    def _prepared(self, topic: str, vector: Vectors) -> Prepared:
        with stage("intents"):
            meant = self._intents.meant(vector)
        return self._retriever.prepared(topic, vector, meant)

    def _inside(self, topic: str, vector: Vectors) -> float:
        """The probability that the question is about privacy policies at all."""
        with stage("scope"):
            return 1.0 - self._scope.probability_outside(topic, vector)

    def _hits(self, query: Query, vector: Vectors, inside: float, k: int) -> tuple[Hit, ...]:
        """The `k` best passages of the companies asked about, or of all; of several each its best while k lasts.

        A passage answers if the question is about policies at all, and the passage then says so: their
        probabilities are multiplied.
        """
        prepared = self._prepared(query.topic, vector)
        if not query.companies:
            return self._over_all(query, prepared, inside, k)
        each = self._judged_each(query, prepared, [company.id for company in query.companies], inside)
        if len(each) == 1:
            return self._made(each[0], _best_first(each[0])[:k])
        turns = [(place, judged, row) for judged in each for place, row in enumerate(_best_first(judged)[:k])]
        turns.sort(key=lambda turn: (turn[0], *_rank(turn[1], turn[2])))
        chosen = sorted(turns[:k], key=lambda turn: _rank(turn[1], turn[2]))
        return tuple(hit for _, judged, place in chosen for hit in self._made(judged, [place]))

    def _over_all(self, query: Query, prepared: Prepared, inside: float, k: int) -> tuple[Hit, ...]:
        """The `k` best passages of all companies, each company judged by what its own policy says."""
        everything = self._examined(query.topic, prepared, self._rows(query, None))
        order = self._calibration.order(everything.signals)
        rows = everything.candidates.rows
        nearest: dict[str, None] = {}
        for place in np.lexsort((rows, -order)):
            nearest.setdefault(self.index.owner(int(rows[place])))
            if len(nearest) == max(_JUDGED_COMPANIES, k):
                break
        each = self._judged_each(query, prepared, list(nearest), inside)
        weighed = []
        for judged in each:
            for turn, place in enumerate(_best_first(judged)[:k]):
                row = int(judged.candidates.rows[place])
                weighed.append((judged.scores[place] * _REPEATED_COMPANY**turn, row, judged, place))
        weighed.sort(key=lambda entry: (not entry[2].told, -entry[0], entry[1]))
        chosen = sorted(weighed[:k], key=lambda entry: _rank(entry[2], entry[3]))
        return tuple(hit for _, _, judged, place in chosen for hit in self._made(judged, [place]))

    def examine(self, question: str, *, companies: Sequence[str] = (), history: Sequence[str] = ()) -> Examined:
        """The candidates for `question` and every signal, undecided.

        Raises:
            BadQuestion, UnknownCompany: as `ask`.
        """
        query = self.understand(question, companies=companies, history=history)
        ids = [company.id for company in query.companies] or None
        prepared = self._prepared(query.topic, self._vector(query.topic))
        return self._examined(query.topic, prepared, self._rows(query, ids))

    def policy_says(self, question: str, *, companies: Sequence[str] = (), history: Sequence[str] = ()) -> float:
        """The probability that the company asked about says it somewhere: what `answered_from` is compared with.

        Of several companies, that of the one likeliest to say it.

        Raises:
            BadQuestion, UnknownCompany: as `ask`.
        """
        query = self.understand(question, companies=companies, history=history)
        vector = self._vector(query.topic)
        prepared, inside = self._prepared(query.topic, vector), self._inside(query.topic, vector)
        ids = [company.id for company in query.companies] or list(self.index.companies)
        return max(judged.says for judged in self._judged_each(query, prepared, ids, inside))

    def _examined(self, topic: str, prepared: Prepared, allowed: Vectors) -> Examined:
        with stage("compare"):
            candidates = self._retriever.candidates(prepared, allowed=allowed)
        return self._examined_of(topic, prepared, candidates)

    def _examined_of(self, topic: str, prepared: Prepared, candidates: Candidates) -> Examined:
        with stage("judge"):
            signals = passage_signals(candidates)
            signals[HOLDS_WHAT_IS_ASKED] = self._holding(topic, candidates)
        if self._reranker and len(candidates.rows):
            with stage("rerank"):
                signals[RERANKED] = self._reranked(topic, candidates, signals)
        with stage("judge"):
            order = self._calibration.order(signals)
            best = self._text_from(candidates, int(np.argmax(order))) if len(order) else ""
            return Examined(candidates, signals, question_signals(topic, best, prepared, candidates))

    def _holding(self, topic: str, candidates: Candidates) -> Vectors:
        """1.0 for each candidate that holds a thing of every kind that is asked for; 0.0 where none is asked for."""
        kinds = asked_kinds(topic)
        if not kinds:
            return np.zeros(len(candidates.rows))
        texts = [self.index.passages[int(row)].text for row in candidates.rows]
        return np.array([float(all(kind.found.search(text) for kind in kinds)) for text in texts])

    def _rows(self, query: Query, company_ids: Sequence[str] | None) -> Vectors:
        """The passages in force that can be read, rising."""
        languages = None if self._all_readable else READ_LANGUAGES
        return self.index.rows(company_ids, as_of=query.as_of, languages=languages, types=query.document_types)

    def _judged_each(
        self, query: Query, prepared: Prepared, company_ids: Sequence[str], inside: float
    ) -> list[_Judged]:
        """Each company by what its own policies say."""
        with stage("compare"):
            groups = [self._rows(query, [company_id]) for company_id in company_ids]
            each = self._retriever.candidates_of_each(prepared, groups)
        return [self._judged(query, prepared, candidates, inside) for candidates in each]

    def _judged(self, query: Query, prepared: Prepared, candidates: Candidates, inside: float) -> _Judged:
        examined = self._examined_of(query.topic, prepared, candidates)
        order = self._calibration.order(examined.signals)
        plain = self._calibration.plain_order(examined.signals)
        says = inside * self._calibration.answered(plain, examined.of_question)
        shares = likeness(order)
        scores = says * self._calibration.right(plain) * shares
        least = self._calibration.answered_from
        told = says >= (least if inside > _EVEN else max(least, _TOLD_OUTSIDE))
        return _Judged(examined.candidates, scores.round(6), says, told, shares, query.as_of)

    def _reranked(self, topic: str, candidates: Candidates, signals: dict[str, Vectors]) -> Vectors:
        """The reranker's logits for the best candidates; the others get the lowest of these."""
        plain = Calibration.shipped(reranked=False).order(signals)
        best = np.lexsort((candidates.rows, -plain))[:_RERANKED_DEPTH]
        texts = [self._text_at(candidates, place) for place in best]
        logits = np.asarray(self._reranker.scores(topic, texts) if self._reranker else (), dtype=np.float64)
        result = np.full(len(candidates.rows), logits.min())
        result[best] = logits
        return result

    def _text_from(self, candidates: Candidates, place: int) -> str:
        """The candidate at `place` and what follows it under the same heading: "write to us:", then the address."""
        first = self.index.passages[int(candidates.rows[place])]
        following = self.index.following(first)
        if following and following.heading == first.heading:
            return f"{first.text}\n{following.text}"
        return first.text

    def _text_at(self, candidates: Candidates, place: int) -> str:
        """What was embedded of the candidate at `place`."""
        passage = self.index.passages[int(candidates.rows[place])]
        return embedded_text(self.index.policies[passage.policy_id].text, passage)

    def _made(self, judged: _Judged, places: Sequence[int]) -> tuple[Hit, ...]:
        with stage("quote"):
            return tuple(self._hit(judged, place) for place in places)

    def _hit(self, judged: _Judged, place: int) -> Hit:
        passage = self.index.passages.at(int(judged.candidates.rows[place]), as_of=judged.as_of)
        policy = self.index.policies[passage.policy_id]
        says_it = judged.told and judged.likeness[place] >= self._calibration.evidence_from
        evidence = self._evidence(judged.candidates, place, passage, policy.text) if says_it else ()
        company = self.index.companies[policy.company_id]
        return Hit(passage, policy, company, float(judged.scores[place]), evidence, undated=policy.id in self._undated)

    def _evidence(self, candidates: Candidates, place: int, passage: Passage, text: str) -> tuple[Evidence, ...]:
        """The sentences of a passage that answer, in reading order; see `qa.evidence`."""
        row = int(candidates.rows[place])
        inside = slice(*np.searchsorted(candidates.sentence_rows, self.index.sentences.first[row : row + 2]))
        chosen = chosen_sentences(
            sentence_texts(text, passage),
            candidates.sentence_scores[inside],
            candidates.terms,
            within=self._calibration.evidence_within,
            thesaurus=self._thesaurus,
        )
        spans = [passage.sentences[place] for place in chosen]
        return tuple(Evidence(start, end, text[start:end]) for start, end in spans)

    def _unread(self, query: Query) -> list[Unread]:
        """Those of the companies asked about, or of all, whose policies cannot be asked, and why."""
        if not query.companies and query.as_of is None and self._all_readable:
            return []
        companies = query.companies or self.index.companies.values()
        found = (unread(company, self.index.policies_of(company.id), query.as_of) for company in companies)
        return [each for each in found if each is not None]

    def _answer(
        self, query: Query, outcome: Outcome, hits: tuple[Hit, ...] = (), *, closed: Sequence[Unread] = ()
    ) -> Answer:
        return Answer(
            question=query.question,
            standalone_question=query.standalone,
            outcome=outcome,
            text=self._answerer.answer(query, outcome, hits, closed),
            companies=tuple({match.company.id: match for match in reversed(query.matched)}.values())[::-1],
            unknown_companies=(*query.unknown, *query.not_covered),
            hits=hits,
            index_version=self.index.manifest.version,
        )


def _refused(query: Query) -> Outcome | None:
    """The outcome of a question that nothing is searched for, whatever the policies say."""
    if query.small_talk:
        return Outcome.OUT_OF_SCOPE
    if not can_read(query.language):
        return Outcome.UNSUPPORTED_LANGUAGE
    return Outcome.UNKNOWN_COMPANY if query.not_covered and not query.matched else None


def _rank(judged: _Judged, place: int) -> tuple[bool, float, int]:
    """What hits of several companies are sorted by: those whose policy says it come first, whatever k cuts off."""
    return (not judged.told, -float(judged.scores[place]), int(judged.candidates.rows[place]))


def _best_first(judged: _Judged) -> list[int]:
    return [int(place) for place in np.lexsort((judged.candidates.rows, -judged.scores))]


def _outcome_of(closed: Sequence[Unread]) -> Outcome:
    if any(isinstance(each, NoVersion) for each in closed):
        return Outcome.NO_VERSION
    return Outcome.UNSUPPORTED_LANGUAGE


def _without_evidence(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    return tuple(replace(hit, evidence=()) for hit in hits)


def checked_k(k: int) -> int:
    """`k`, if it is one.

    Raises:
        BadK: below 1 or above `MAX_K`.
    """
    if not 1 <= k <= MAX_K:
        raise BadK(f"k is {k}, expected 1 to {MAX_K}")
    return k
