"""What a question of time gets: what changed from which version to which, with both texts; and words for people."""

from dataclasses import dataclass
from datetime import date

from index.language.english import listed
from index.policies.changes import ChangeKind
from index.policies.companies import Company
from index.policies.series import day_of
from index.policies.versions import Policy
from qa.answers import CompanyVerdict, Outcome, Quotation, where
from qa.question.timing import TimeKind, Timing

# From this probability on a passage counts as one that answers: as for an answer (`SAYS_FROM`).
_ANSWERS_FROM = 0.5
_MOST_OTHER_DAYS, _MOST_LISTED = 5, 5
_LONGEST_QUOTE_CHARS = 900


@dataclass(frozen=True, slots=True)
class ChangedPassage:
    """A passage that changed with a version; `before` is None where it was added, `after` where it was removed.

    Attributes:
        answers: the probability that what stood before or stands there now answers; 0 where nothing was asked.
    """

    kind: ChangeKind
    before: Quotation | None
    after: Quotation | None
    answers: float = 0.0


@dataclass(frozen=True, slots=True)
class DatedChange:
    """A version that changed what was asked about.

    Attributes:
        day: the day of `after`.
        before, after: the two versions of one policy, with their texts.
        passages: those that matter most to the question, the most first.
        more: how many other passages changed with this version.
        was, now: what the company's policies said to the question before and with it; None where nothing was asked.
    """

    day: date
    before: Policy
    after: Policy
    passages: tuple[ChangedPassage, ...]
    more: int = 0
    was: CompanyVerdict | None = None
    now: CompanyVerdict | None = None

    @property
    def flipped(self) -> bool:
        """Whether the versions answer otherwise, and what they quote is among what changed."""
        sides = (
            (self.was, [each.before for each in self.passages]),
            (self.now, [each.after for each in self.passages]),
        )
        quoted = any(
            _overlap(quote, changed)
            for said, side in sides
            if said
            for quote in said.quotes
            for changed in side
            if changed
        )
        return quoted and _said(self.was) != _said(self.now)

    @property
    def is_sure(self) -> bool:
        """Whether one of the passages that changed rather answers than not."""
        return any(passage.answers >= _ANSWERS_FROM for passage in self.passages)


@dataclass(frozen=True, slots=True)
class CompanyHistory:
    """What one company's versions say.

    Attributes:
        oldest, newest: the first and the last day of the versions held of the policies asked; None: none has a day.
        versions: how many dated versions there are of them.
        changes: what matters most first; where all changes were asked for, the newest first.
        now: what the newest versions say; then: what those of `oldest` said. None where nothing was asked.
    """

    company: Company
    oldest: date | None
    newest: date | None
    versions: int
    changes: tuple[DatedChange, ...]
    now: CompanyVerdict | None = None
    then: CompanyVerdict | None = None

    @property
    def unchanged_since(self) -> date | None:
        """The oldest day held, where the policies said the same then as now and nothing sure changed it since."""
        changed = any(change.flipped or change.is_sure for change in self.changes)
        return self.oldest if _says_the_same(self) and not changed else None


@dataclass(frozen=True, slots=True)
class History:
    """What a question of time gets of each company that it is about."""

    timing: Timing
    companies: tuple[CompanyHistory, ...]

    @property
    def outcome(self) -> Outcome:
        """`ANSWERED` where a change is sure, or where the versions say it; the best of all companies."""
        outcomes = [_outcome(self.timing, each) for each in self.companies]
        order = (Outcome.ANSWERED, Outcome.UNCLEAR, Outcome.NOT_STATED)
        return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_STATED)

    @property
    def words(self) -> str:
        """For people: what changed and when, with the quotes before and after."""
        return "\n".join(line for each in self.companies for line in _lines(self.timing, each))


def _said(said: CompanyVerdict | None) -> tuple[object, object] | None:
    """What is compared between versions: where it is not sure that anything is said, nothing is."""
    if said is None:
        return None
    return (said.outcome, said.verdict) if said.outcome is Outcome.ANSWERED else (None, None)


def _overlap(one: Quotation, other: Quotation) -> bool:
    """Whether two quotes of one version share words."""
    same = one.policy.id == other.policy.id
    return same and any(a[0] < b[1] and b[0] < a[1] for a in one.evidence for b in other.evidence)


def _outcome(timing: Timing, history: CompanyHistory) -> Outcome:
    if timing.kind is TimeKind.LISTED:
        return Outcome.ANSWERED if history.versions > 1 else Outcome.NOT_STATED
    if any(change.flipped or change.is_sure for change in history.changes):
        return Outcome.ANSWERED
    now = history.now.outcome if history.now else Outcome.NOT_STATED
    return Outcome.UNCLEAR if history.changes and now is Outcome.NOT_STATED else now


def _lines(timing: Timing, history: CompanyHistory) -> list[str]:
    name = history.company.name
    if history.oldest is None or history.newest is None:
        return [f"No version of {name}'s policy has a date, so nothing tells what changed when."]
    if timing.until and timing.until < history.oldest:
        return [
            (
                f"The oldest version held of {name}'s policy is of {history.oldest.isoformat()}: nothing tells what it "
                f"said on {timing.until.isoformat()} or before."
            ),
            *(_of_topic(timing, history) if timing.kind is TimeKind.FORMER else ()),
        ]
    return _listed(timing, history) if timing.kind is TimeKind.LISTED else _of_topic(timing, history)


def _of_topic(timing: Timing, history: CompanyHistory) -> list[str]:
    name = history.company.name
    if not history.changes:
        return _unchanged(timing, history)
    main, *others = history.changes
    lines = [_summary(timing, history, main), *_both(history, main)]
    days = [each.day.isoformat() for each in others if each.is_sure or each.flipped][:_MOST_OTHER_DAYS]
    if days:
        lines.append(f"What {name} says on it also changed on {listed(sorted(days))}.")
    return lines


def _summary(timing: Timing, history: CompanyHistory, change: DatedChange) -> str:
    name, day, before = history.company.name, change.day.isoformat(), _day(change.before)
    began = change.flipped and change.was and change.was.outcome is not Outcome.ANSWERED
    ended = change.flipped and change.now and change.now.outcome is not Outcome.ANSWERED
    if began:
        return f"{name} has said so since the version of {day}; the version before it, of {before}, did not say it."
    if ended:
        return f"{name} said so until the version of {before}; since the version of {day} it does not say it any more."
    if change.flipped:
        return f"{name} says otherwise since the version of {day} (before: {before})."
    closest = f"The closest change is of {day} (before: {before}):"
    if not change.is_sure:
        return f"{_nothing_sure(history)} {closest}"
    if timing.kind is not TimeKind.CHANGED and _says_the_same(history) and history.oldest:
        held = f"{name} has said so at least since {history.oldest.isoformat()}, the oldest version held."
        return f"{held} Its words changed most with the version of {day} (before: {before}):"
    return f"{name} changed what it says with the version of {day} (before: {before})."


def _says_the_same(history: CompanyHistory) -> bool:
    """Whether the oldest versions held surely answer as the newest do: by the verdict, or else by what is quoted."""
    now, then = history.now, history.then
    if now is None or then is None or now.outcome is not Outcome.ANSWERED or _said(now) != _said(then):
        return False
    return now.verdict is not None or [quote.text for quote in now.quotes] == [quote.text for quote in then.quotes]


def _nothing_sure(history: CompanyHistory) -> str:
    """What is known where no change surely bears on the question."""
    name = history.company.name
    if _says_the_same(history) and history.oldest:
        oldest = history.oldest.isoformat()
        return f"{name} has said so at least since {oldest}, the oldest version held; no change was found."
    if history.now and history.now.outcome is Outcome.ANSWERED:
        return f"{name} says so now; no version surely changed it."
    return f"No version of {name}'s policy surely says or changed this."


def _unchanged(timing: Timing, history: CompanyHistory) -> list[str]:
    name, now = history.company.name, history.now
    if not (now and history.oldest and history.newest):
        return []
    oldest, newest = history.oldest.isoformat(), history.newest.isoformat()
    if history.versions == 1 and now.outcome is Outcome.NOT_STATED:
        return [f"The only version held of {name}'s policy, of {newest}, does not say."]
    if history.versions == 1:
        lines = [f"Only one version of {name}'s policy is held, of {oldest}: it has said this at least since then."]
    elif timing.kind is not TimeKind.FORMER and (timing.since or timing.until):
        lines = [f"No change of this was found {_span(timing, history)}."]
    elif now.outcome is Outcome.NOT_STATED:
        return [f"No version of {name}'s policy held, from {oldest} to {newest}, surely says or changed this."]
    elif _says_the_same(history):
        lines = [f"{name} has said so at least since {oldest}, the oldest version held; no change was found."]
    else:
        lines = [f"No change of this was found between {oldest}, the oldest version held, and {newest}."]
    return lines + [f"“{_short(quote.text)}” — {where(now, quote)}" for quote in now.quotes[:1]]


def _both(history: CompanyHistory, change: DatedChange) -> list[str]:
    lines = []
    for passage in change.passages[:1]:
        for label, quote, policy in (
            ("Before", passage.before, change.before),
            ("After", passage.after, change.after),
        ):
            lines.append(f"{label} ({_day(policy)}): {_quoted(history.company, quote)}")
    return lines


def _quoted(company: Company, quote: Quotation | None) -> str:
    if quote is None:
        return "no such passage."
    said = CompanyVerdict(company, Outcome.ANSWERED, None, 1.0, (quote,))
    return f"“{_short(quote.text)}” — {where(said, quote)}"


def _listed(timing: Timing, history: CompanyHistory) -> list[str]:
    name, span = history.company.name, _span(timing, history)
    if history.versions == 1 and history.oldest:
        return [f"Only one version of {name}'s policy is held, of {history.oldest.isoformat()}: no change can be seen."]
    if not history.changes:
        return [f"No version of {name}'s policy changed what it says {span}."]
    count = len(history.changes)
    lines = [f"{name} changed its policy {span} with {count:,} version{'s' if count > 1 else ''}:"]
    for change in history.changes[:_MOST_LISTED]:
        passages = len(change.passages) + change.more
        lines.append(
            f"{change.day.isoformat()} (before: {_day(change.before)}), {change.after.title}: "
            f"{passages:,} passage{'s' if passages > 1 else ''} changed."
        )
        lines += _both(history, change)
    if count > _MOST_LISTED:
        lines.append(f"Earlier: {listed([change.day.isoformat() for change in history.changes[_MOST_LISTED:]])}.")
    return lines


def _span(timing: Timing, history: CompanyHistory) -> str:
    first = max(filter(None, (timing.since, history.oldest)), default=None)
    last = min(filter(None, (timing.until, history.newest)), default=None)
    return f"between {first.isoformat()} and {last.isoformat()}" if first and last else ""


def _day(policy: Policy) -> str:
    day = day_of(policy)
    return day.isoformat() if day else "undated"


def _short(words: str) -> str:
    """`words`, cut at a space where they are too long to be read at once."""
    return words if len(words) <= _LONGEST_QUOTE_CHARS else words[:_LONGEST_QUOTE_CHARS].rsplit(" ", 1)[0] + " …"
