"""The JSON of the public contract (DESIGN.md), and how an answer becomes it. It does not know HTTP.

The CLI prints the same objects with `--json`.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.serving.live import Refused
from api.wire import examples
from index.manifest import Manifest
from index.parsing.document import Block, Kind
from index.parsing.markup import plain
from index.policies.companies import Company
from index.policies.passages import Passage, governing
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from qa import history as told
from qa.answers import Answer, CompanyVerdict, Hit, PartAnswer, Quotation
from qa.assistant import COMPANIES_A_PAGE, MAX_HISTORY, MAX_K, MAX_OFFSET, Ranking
from qa.counts import Counts
from qa.history import ChangedPassage, CompanyHistory, DatedChange
from qa.question.conversation import MAX_HISTORY_CHARS, MAX_TURNS
from qa.question.mentions import Matched, UnknownName
from qa.question.query import Query
from qa.question.understanding import MAX_QUESTION_CHARS

MAX_TEXT_CHARS = 100_000
_MOST_COMPANIES = 50
MAX_NAME_CHARS = 200
MAX_COMPANIES_A_PAGE = 1_000
MAX_CURSOR_CHARS = 2_000
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def iso_day(value: object) -> object:
    """The day that `value` names as ISO 8601 writes days; None for None."""
    if value is None:
        return None
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
        raise ValueError("expected a day such as 2015-03-20")
    return date.fromisoformat(value)


def _text(value: str) -> str:
    # JSON can write half of a surrogate pair, which is no character and can be sent back to nobody.
    if _HALF_A_PAIR.search(value):
        raise ValueError("expected text, got half of a surrogate pair")
    return value


Text = Annotated[str, AfterValidator(_text)]


def with_example(*shown: dict[str, Any]) -> ConfigDict:
    """How a request is read: strictly, and shown by these examples."""
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": list(shown)})


# The limits of question and k are checked where they are known (`qa.assistant`), so that the CLI has them too.
Question = Annotated[
    Text,
    Field(
        description="as a person asks it; it may name the companies that it is about",
        json_schema_extra={"minLength": 1, "maxLength": MAX_QUESTION_CHARS},
    ),
]
CompanyNames = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=MAX_NAME_CHARS)]],
    Field(
        max_length=_MOST_COMPANIES,
        description="ids, names, aliases or domains; where any are given, every passage is one of theirs",
    ),
]
NumberOfHits = Annotated[
    int, Field(description="how many passages at most", json_schema_extra={"minimum": 1, "maximum": MAX_K})
]
Offset = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_OFFSET,
        description=f"where no company is named, the {COMPANIES_A_PAGE} nearest are asked; `next_offset` of an answer "
        "asks the next",
    ),
]
AsOf = Annotated[
    date | None,
    BeforeValidator(iso_day),
    Field(description="answer from the versions that were in force on this day; left out: from the latest"),
]
History = Annotated[
    list[Annotated[Text, Field(max_length=MAX_QUESTION_CHARS, json_schema_extra={"minLength": 1})]],
    Field(
        max_length=MAX_HISTORY,
        description=f"earlier questions of this chat, oldest first; of the last {MAX_TURNS} the last "
        f"{MAX_HISTORY_CHARS:,} characters are read",
    ),
]


class AskRequest(BaseModel):
    """A question, and what it is asked within."""

    model_config = with_example(examples.ASK, examples.ASK_FOLLOW_UP)

    question: Question
    companies: CompanyNames = []
    k: NumberOfHits = 5
    history: History = []
    as_of: AsOf = None
    offset: Offset = 0


class SearchRequest(BaseModel):
    """A question whose nearest passages are wanted."""

    model_config = with_example(examples.SEARCH)

    question: Question
    companies: CompanyNames = []
    k: NumberOfHits = 5
    as_of: AsOf = None


class CompanyOut(BaseModel):
    """A company, in short."""

    id: str
    name: str


class MatchedCompanyOut(CompanyOut):
    """A company that the question is about; `matched` are the words that named it."""

    matched: str


class UnknownCompanyOut(BaseModel):
    """A company that the question names and the index lacks; `nearest` are names it has that are spelt most like it."""

    name: str
    nearest: list[str]

    @classmethod
    def of(cls, unknown: UnknownName) -> Self:
        """`unknown` as JSON."""
        return cls(name=unknown.name, nearest=list(unknown.nearest))


class PolicyOut(BaseModel):
    """A dated version of a policy."""

    id: str
    title: str
    type: str = Field(description="the document type, as Open Terms Archive calls it")
    scope: str | None = Field(description="whom or what it is for, where that is not everybody: children, health data")
    language: str = Field(description="a BCP 47 tag")
    archived_on: date | None = Field(description="the day that it was recorded")
    effective_on: date | None = Field(description="the day that its text states")
    source_url: str | None
    path: str
    licence: str | None = Field(description="under which terms the text may be passed on, where that is known")
    attribution: str | None = Field(description="whom to name who passes the text on")

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """`policy` as JSON, without its text."""
        return cls(
            id=policy.id,
            title=policy.title,
            type=policy.type,
            scope=policy.scope or None,
            language=policy.language,
            archived_on=policy.archived_on,
            effective_on=policy.effective_on,
            source_url=policy.source_url,
            path=policy.path,
            licence=policy.licence,
            attribution=policy.attribution,
        )


def _heading(passage: Passage) -> str | None:
    return passage.heading[-1].rstrip(".:") if passage.heading else None


def _passage_id(policy: Policy, passage: Passage) -> str:
    return f"{policy.id}:{passage.start}-{passage.end}"


class EvidenceOut(BaseModel):
    """A sentence that answers: `text` is what stands at `start:end` (code points) of the policy."""

    start: int
    end: int
    text: str


class SegmentOut(BaseModel):
    """A piece of a passage for people to read, without markup."""

    text: str
    evidence: bool


class PassageOut(BaseModel):
    """A passage: `text` is what stands at `start:end` (code points) of the policy."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PASSAGE]})

    rank: int = Field(description="1 is the best")
    score: float = Field(
        ge=0, le=1, description="the probability that the passage answers; comparable between questions"
    )
    passage_id: str
    text: str = Field(description="verbatim, with the marks of the file")
    segments: list[SegmentOut] = Field(description="the same words for display, without marks, evidence apart")
    lead_in: str | None = Field(description="what introduces the list that the passage is an item of, without marks")
    heading: str | None = Field(description="the innermost heading above it")
    start: int
    end: int
    evidence: list[EvidenceOut]
    quotation: str | None = Field(
        description="the evidence word for word, for display: behind what governs it (“We never collect:”), with “…” "
        "where the policy has words between"
    )
    company: CompanyOut
    policy: PolicyOut

    @classmethod
    def of(cls, hit: Hit, *, rank: int) -> Self:
        """`hit` as JSON."""
        passage, policy = hit.passage, hit.policy
        return cls(
            rank=rank,
            score=round(hit.score, 4),
            passage_id=_passage_id(policy, passage),
            text=passage.text,
            segments=[SegmentOut(text=words, evidence=is_evidence) for words, is_evidence in hit.segments],
            lead_in=" ".join(governing(policy.text, passage)) or None,
            heading=_heading(passage),
            start=passage.start,
            end=passage.end,
            evidence=[EvidenceOut(start=found.start, end=found.end, text=found.text) for found in hit.evidence],
            quotation=hit.quotation.text if hit.quotation else None,
            company=CompanyOut(id=hit.company.id, name=hit.company.name),
            policy=PolicyOut.of(policy),
        )


OutcomeName = Literal[
    "answered", "unclear", "not_stated", "no_version", "unsupported_language", "unknown_company", "out_of_scope"
]


class QuoteOut(BaseModel):
    """Words that are quoted: `text` is what stands at `start:end` (code points) of the policy."""

    passage_id: str = Field(description="the passage that holds them, or that they govern")
    start: int
    end: int
    text: str


class QuotationOut(BaseModel):
    """Words to be pasted, with where they stand: spans of one policy version."""

    text: str = Field(description="for display, without marks: “…” stands where the policy has words between")
    pieces: list[str] = Field(
        description="the same words in the pieces of `spans`; behind “We never collect:” its items"
    )
    passage_id: str = Field(description="the passage, or the first of several, that answers")
    start: int = Field(description="where that passage begins in the policy's text")
    end: int
    heading: str | None = Field(description="the innermost heading above it")
    policy: PolicyOut
    spans: list[EvidenceOut] = Field(description="what is quoted, in reading order")

    @classmethod
    def of(cls, quotation: Quotation) -> Self:
        """`quotation` as JSON."""
        policy, first = quotation.policy, quotation.passages[0]
        return cls(
            text=quotation.text,
            pieces=list(quotation.pieces),
            passage_id=_passage_id(policy, first),
            start=first.start,
            end=first.end,
            heading=_heading(first),
            policy=PolicyOut.of(policy),
            spans=[EvidenceOut(start=start, end=end, text=policy.text[start:end]) for start, end in quotation.spans],
        )


class VerdictOut(BaseModel):
    """What one company's policies say to the question."""

    company: CompanyOut
    outcome: OutcomeName
    verdict: Literal["yes", "no", "depends"] | None = Field(
        description="null where the question is not of yes or no, or it is not sure which"
    )
    probability: float = Field(ge=0, le=1, description="that its policies answer; `answered` from one half on")
    quotes: list[QuoteOut] = Field(
        description="what says so, what governs it first; where it is `unclear`, what comes closest"
    )
    quotations: list[QuotationOut] = Field(description="the same for display, each with its source")

    @classmethod
    def of(cls, said: CompanyVerdict) -> Self:
        """`said` as JSON."""
        return cls(
            company=CompanyOut(id=said.company.id, name=said.company.name),
            outcome=said.outcome.value,
            verdict=said.verdict.value if said.verdict else None,
            probability=said.probability,
            quotes=[quote for quotation in said.quotes for quote in quotes_of(quotation)],
            quotations=[QuotationOut.of(quotation) for quotation in said.quotes],
        )


class PartOut(BaseModel):
    """One of several things that a question asks, and what it got."""

    question: str = Field(description="the part as it stands in the question")
    outcome: OutcomeName
    answer: str
    verdicts: list[VerdictOut]

    @classmethod
    def of(cls, part: PartAnswer) -> Self:
        """`part` as JSON."""
        verdicts = [VerdictOut.of(said) for said in part.verdicts]
        return cls(question=part.question, outcome=part.outcome.value, answer=part.text, verdicts=verdicts)


class CountsOut(BaseModel):
    """What all companies say, where the question asks which or how many of them do something."""

    question: str = Field(description="what each company was asked for it")
    seeks: Literal["yes", "no", "stated", "silent"] = Field(
        description="which companies it is about: those that say yes, say no, say it at all, or do not say it"
    )
    matching: int = Field(description="how many of those asked are so; they come first in `verdicts`")
    companies: int = Field(description="how many there are")
    asked: int
    complete: bool = Field(description="whether all were asked; if not, `POST /v1/compare` asks all, page by page")
    answered: int
    unclear: int
    not_stated: int
    no_version: int
    unsupported_language: int
    yes: int
    no: int
    depends: int

    @classmethod
    def of(cls, counts: Counts) -> Self:
        """`counts` as JSON."""
        numbers = {name.value: number for name, number in (*counts.outcomes.items(), *counts.verdicts.items())}
        return cls(
            question=counts.question,
            seeks=counts.seeks.value,
            matching=counts.matching,
            companies=counts.companies,
            asked=counts.asked,
            complete=counts.complete,
            **numbers,
        )


class ChangedPassageOut(BaseModel):
    """A passage that changed; `before` is null where it was added, `after` where it was removed."""

    kind: Literal["added", "removed", "reworded", "moved", "technical"]
    before: QuotationOut | None
    after: QuotationOut | None
    answers: float = Field(ge=0, le=1, description="the probability that either answers; 0 where no topic was asked")

    @classmethod
    def of(cls, passage: ChangedPassage) -> Self:
        """`passage` as JSON."""
        return cls(
            kind=passage.kind.value,
            before=QuotationOut.of(passage.before) if passage.before else None,
            after=QuotationOut.of(passage.after) if passage.after else None,
            answers=passage.answers,
        )


class DatedChangeOut(BaseModel):
    """A version that changed what was asked about, with the one before it."""

    day: date = Field(description="the day of the newer version")
    before: PolicyOut
    after: PolicyOut
    flipped: bool = Field(description="whether the two answer otherwise, and what they quote is among what changed")
    was: VerdictOut | None = Field(description="what the company's policies said before; null where it was not asked")
    now: VerdictOut | None = Field(description="what they said with this version; null where it was not asked")
    passages: list[ChangedPassageOut] = Field(description="what matters most to the question first")
    more: int = Field(description="how many other passages changed; `GET /v1/changes` lists all")

    @classmethod
    def of(cls, change: DatedChange) -> Self:
        """`change` as JSON."""
        return cls(
            day=change.day,
            before=PolicyOut.of(change.before),
            after=PolicyOut.of(change.after),
            flipped=change.flipped,
            was=VerdictOut.of(change.was) if change.was else None,
            now=VerdictOut.of(change.now) if change.now else None,
            passages=[ChangedPassageOut.of(passage) for passage in change.passages],
            more=change.more,
        )


class CompanyHistoryOut(BaseModel):
    """What one company's versions say."""

    company: CompanyOut
    oldest: date | None = Field(
        description="the day of the oldest version held of the policies asked; null: none is dated"
    )
    newest: date | None
    versions: int = Field(description="how many dated versions are held of them")
    unchanged_since: date | None = Field(
        description="`oldest`, where the policies said the same then as now and no change was found in the days asked"
    )
    then: VerdictOut | None = Field(description="what the oldest versions say; null where all changes were asked for")
    changes: list[DatedChangeOut] = Field(
        description="what matters most first; where all changes were asked for, the newest first"
    )

    @classmethod
    def of(cls, history: CompanyHistory) -> Self:
        """`history` as JSON."""
        return cls(
            company=CompanyOut(id=history.company.id, name=history.company.name),
            oldest=history.oldest,
            newest=history.newest,
            versions=history.versions,
            unchanged_since=history.unchanged_since,
            then=VerdictOut.of(history.then) if history.then else None,
            changes=[DatedChangeOut.of(change) for change in history.changes],
        )


class HistoryOut(BaseModel):
    """What changed and when, where the question asks for that."""

    kind: Literal["since", "ended", "changed", "former", "listed"] = Field(
        description="since when something is so, when it ended, whether it changed, how it was once, or all changes"
    )
    question: str | None = Field(description="what each version was asked; null where all changes were asked for")
    since: date | None = Field(description="the first day that the question names")
    until: date | None = Field(description="the last day that it names")
    companies: list[CompanyHistoryOut]

    @classmethod
    def of(cls, history: told.History) -> Self:
        """`history` as JSON."""
        timing = history.timing
        return cls(
            kind=timing.kind.value,
            question=timing.asked or None,
            since=timing.since,
            until=timing.until,
            companies=[CompanyHistoryOut.of(each) for each in history.companies],
        )


class AskResponse(BaseModel):
    """An answer: made only of quotes and attributions, or an honest word that there is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER]})

    question: str
    standalone_question: str = Field(description="the question as asked after the history is taken in")
    outcome: OutcomeName = Field(
        description="`answered`: a policy says it, with a probability of one half or more; `unclear`: it may, and the "
        "closest is quoted; `no_version`: no version is as old as `as_of`; `unsupported_language`: the policy is in a "
        "language that is not read"
    )
    answer: str = Field(description="a short text made only of verdicts, quotes and attributions")
    companies: list[MatchedCompanyOut]
    unknown_companies: list[UnknownCompanyOut]
    verdicts: list[VerdictOut] = Field(description="one for each company that was asked, silent ones included")
    parts: list[PartOut] = Field(description="where the question asks several things, each of them; else none")
    passages: list[PassageOut] = Field(description="best first; the nearest ones too where the policy does not say")
    calibrated: bool = Field(
        description="whether scores are probabilities: false with models of your own, until calibrated"
    )
    next_offset: int | None = Field(
        description="where no company was named: the `offset` that asks those not asked yet, or tells more of `counts`"
    )
    counts: CountsOut | None = Field(
        default=None, description="where the question asks which or how many companies do something; else null"
    )
    history: HistoryOut | None = Field(
        default=None, description="where the question asks when or whether something changed; else null"
    )
    index_version: str
    took_ms: float

    @classmethod
    def of(cls, answer: Answer, *, took_ms: float) -> Self:
        """`answer` as JSON."""
        return cls(
            question=answer.question,
            standalone_question=answer.standalone_question,
            outcome=answer.outcome.value,
            answer=answer.text,
            companies=_matched(answer.companies),
            unknown_companies=[UnknownCompanyOut.of(unknown) for unknown in answer.unknown_companies],
            verdicts=[VerdictOut.of(said) for said in answer.verdicts],
            parts=[PartOut.of(part) for part in answer.parts],
            passages=_ranked(answer.hits),
            calibrated=answer.calibrated,
            next_offset=answer.next_offset,
            counts=CountsOut.of(answer.counts) if answer.counts else None,
            history=HistoryOut.of(answer.history) if answer.history else None,
            index_version=answer.index_version,
            took_ms=round(took_ms, 1),
        )


class CompaniesStep(BaseModel):
    """The first event of a streamed answer: how the question was understood, and whom it is about."""

    standalone_question: str
    companies: list[MatchedCompanyOut]
    unknown_companies: list[UnknownCompanyOut]
    index_version: str

    @classmethod
    def of(cls, asked: Query, index_version: str) -> Self:
        """`asked` as JSON."""
        return cls(
            standalone_question=asked.standalone,
            companies=_matched(asked.matched),
            unknown_companies=[UnknownCompanyOut.of(name) for name in (*asked.unknown, *asked.not_covered)],
            index_version=index_version,
        )


class PassagesStep(BaseModel):
    """The second event of a streamed answer: its passages, best first."""

    passages: list[PassageOut]
    index_version: str

    @classmethod
    def of(cls, hits: Sequence[Hit], index_version: str) -> Self:
        """`hits` as JSON."""
        return cls(passages=_ranked(hits), index_version=index_version)


class SearchResponse(BaseModel):
    """Passages by rank; no outcome is judged."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HITS]})

    hits: list[PassageOut]
    companies: list[MatchedCompanyOut]
    unknown_companies: list[UnknownCompanyOut] = Field(
        description="companies that the question names and that are not searched; no hit is of another one instead"
    )
    calibrated: bool
    index_version: str

    @classmethod
    def of(cls, ranking: Ranking, index_version: str) -> Self:
        """`ranking` as JSON."""
        query = ranking.query
        return cls(
            hits=_ranked(ranking.hits),
            companies=_matched(query.matched),
            unknown_companies=[UnknownCompanyOut.of(name) for name in (*query.unknown, *query.not_covered)],
            calibrated=ranking.calibrated,
            index_version=index_version,
        )


class CompanyEntry(BaseModel):
    """A company with all that means it, and its policies, newest first."""

    id: str
    name: str
    aliases: list[str]
    domains: list[str]
    policies: list[PolicyOut]

    @classmethod
    def of(cls, company: Company, policies: Sequence[Policy]) -> Self:
        """`company` as JSON."""
        return cls(
            id=company.id,
            name=company.name,
            aliases=list(company.aliases),
            domains=list(company.domains),
            policies=[PolicyOut.of(policy) for policy in policies],
        )


class CompaniesResponse(BaseModel):
    """Everyone whose policies are in the index, by name, or a page of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COMPANIES]})

    companies: list[CompanyEntry]
    next: str | None = Field(description="the `after` that lists those behind them; null: there are no more")
    index_version: str

    @classmethod
    def of(cls, index: PolicyIndex) -> Self:
        """All companies of `index` as JSON."""
        return cls.page(index, limit=len(index.companies), after="", q="")

    @classmethod
    def page(cls, index: PolicyIndex, *, limit: int, after: str, q: str) -> Self:
        """At most `limit` companies of `index` as JSON, those behind the cursor `after`.

        A cursor is what companies are ordered by, so that it leads on in an index that has lost its company since.

        Args:
            q: what an id, name, alias or domain of theirs holds; who is called exactly so comes first.
        """
        wanted = q.casefold()
        found = sorted(
            (_place(company, wanted), company.id)
            for company in index.companies.values()
            if any(wanted in name for name in _names(company))
        )
        behind = found[bisect_right(found, after, key=lambda one: one[0]) :] if after else found
        shown = behind[:limit]
        return cls(
            companies=[CompanyEntry.of(index.companies[each], index.policies_of(each)) for _, each in shown],
            next=shown[-1][0] if len(behind) > len(shown) else None,
            index_version=index.manifest.version,
        )


class HeadingOut(BaseModel):
    """A heading, without marks; `level` 1 is the highest."""

    text: str
    level: int
    start: int
    end: int


class BlockOut(BaseModel):
    """A heading, paragraph, list item or table row, for people to read; `level` ranks headings and nests items."""

    kind: Literal["heading", "paragraph", "item", "row"]
    level: int
    start: int
    end: int
    segments: list[SegmentOut] = Field(description="its words without marks, in pieces; `evidence` as asked for")


class PolicyResponse(PolicyOut):
    """A policy with its full text; offsets count its code points."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.POLICY]})

    company: CompanyOut
    text: str
    headings: list[HeadingOut]
    blocks: list[BlockOut] = Field(description="the same text for display, in reading order")
    index_version: str

    @classmethod
    def whole(cls, index: PolicyIndex, policy_id: str, *, evidence: Sequence[tuple[int, int]] = ()) -> Self:
        """The policy called `policy_id` as JSON, with its text; what stands at the spans of `evidence` is set apart.

        Raises:
            UnknownPolicy: there is none such.
        """
        policy = index.policy(policy_id)
        company, found = index.companies[policy.company_id], policy.blocks
        return cls(
            **PolicyOut.of(policy).model_dump(),
            index_version=index.manifest.version,
            company=CompanyOut(id=company.id, name=company.name),
            text=policy.text,
            headings=[
                HeadingOut(text=_words(policy, block), level=block.level, start=block.start, end=block.end)
                for block in found
                if block.kind is Kind.HEADING
            ],
            blocks=[
                BlockOut(
                    kind=block.kind.value,
                    level=block.level,
                    start=block.start,
                    end=block.end,
                    segments=_segments(policy, block, evidence),
                )
                for block in found
            ],
        )


class PolicyTextResponse(BaseModel):
    """The words of a policy that stand at `start:end` (code points), as they stand there."""

    policy: PolicyOut
    company: CompanyOut
    text: str = Field(description="verbatim, with the marks of the file")
    start: int
    end: int
    total_chars: int
    next_start: int | None = Field(description="where the rest begins; null at the end of the policy")
    index_version: str

    @classmethod
    def of(cls, policy: Policy, company: Company, *, start: int, end: int | None, index_version: str) -> Self:
        """What stands at `start:end` of `policy`, or as much of it as is told at once."""
        total = len(policy.text)
        start = min(start, total)
        last = min(total if end is None else max(start, end), start + MAX_TEXT_CHARS, total)
        return cls(
            policy=PolicyOut.of(policy),
            company=CompanyOut(id=company.id, name=company.name),
            text=policy.text[start:last],
            start=start,
            end=last,
            total_chars=total,
            next_start=last if last < total else None,
            index_version=index_version,
        )


class StateResponse(BaseModel):
    """Whether the service is well."""

    status: Literal["ok"]


class RefusedVersionOut(BaseModel):
    """An index version that was published and does not open; the one before it serves on."""

    version: str
    why: str


class ReadyResponse(StateResponse):
    """The service is ready, and from which index it answers."""

    index_version: str
    index_built_at: str
    model: str
    refused: RefusedVersionOut | None = Field(description="a newer version that does not open, if there is one")

    @classmethod
    def of(cls, manifest: Manifest, *, refused: Refused | None) -> Self:
        """The state of a service that answers from the version of `manifest`."""
        return cls(
            status="ok",
            index_version=manifest.version,
            index_built_at=manifest.built_at,
            model=manifest.model,
            refused=RefusedVersionOut(version=refused.version, why=refused.why) if refused else None,
        )


def _names(company: Company) -> list[str]:
    """All that means `company`, case folded."""
    return [name.casefold() for name in (company.id, company.name, *company.aliases, *company.domains)]


def _place(company: Company, wanted: str) -> str:
    """Where `company` stands in the order: by name, behind those that are called `wanted`."""
    exactly = wanted in _names(company)
    return f"{'0' if exactly else '1'}{company.name.casefold()[:MAX_NAME_CHARS]}\t{company.id}"


def _words(policy: Policy, block: Block) -> str:
    return plain(policy.text[block.start : block.end], policy.markup)


def _segments(policy: Policy, block: Block, evidence: Sequence[tuple[int, int]]) -> list[SegmentOut]:
    """The words of `block` in pieces, those within a span of `evidence` apart."""
    inside = [(max(start, block.start), min(end, block.end)) for start, end in sorted(evidence)]
    pieces, position = [], block.start
    for start, end in inside:
        if max(start, position) < end:
            pieces += [(position, max(start, position), False), (max(start, position), end, True)]
            position = end
    pieces.append((position, block.end, False))
    read = [(plain(policy.text[start:end], policy.markup), is_evidence) for start, end, is_evidence in pieces]
    return [SegmentOut(text=words, evidence=is_evidence) for words, is_evidence in read if words]


def _matched(companies: Sequence[Matched]) -> list[MatchedCompanyOut]:
    """Each company once, with the words that named it first."""
    each = {match.company.id: match for match in reversed(companies)}
    return [
        MatchedCompanyOut(id=match.company.id, name=match.company.name, matched=match.matched)
        for match in reversed(each.values())
    ]


def _ranked(hits: Sequence[Hit]) -> list[PassageOut]:
    return [PassageOut.of(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]


def quotes_of(quotation: Quotation) -> list[QuoteOut]:
    """Every span that `quotation` quotes, as JSON."""
    policy = quotation.policy
    return [
        QuoteOut(
            passage_id=_passage_id(policy, quotation.passage_of((start, end))),
            start=start,
            end=end,
            text=policy.text[start:end],
        )
        for start, end in quotation.spans
    ]
