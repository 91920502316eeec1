"""Tables, nested lists, short answers and footnotes in our own words, put into a policy that has few of its own."""

from dataclasses import replace
from random import Random

from eval.formats.text import Heading, Inline, Item, Listing, Paragraph, Part, Policy, Run, Table, plain

_DATA = (
    "Account details|Order history|Crash logs|Support requests|Voice clips|Delivery addresses|Marketing preferences"
    "|Payment records|Device identifiers|Survey answers|Recordings of calls|Photos that you upload|Search history"
    "|Log-in attempts|Invoices|Newsletter statistics"
).split("|")
_PERIODS = (
    "30 days|90 days|6 months|13 months|two years after your last visit|three years|seven years|ten years"
    "|until you delete them|as long as your account is open|48 hours|26 months"
).split("|")
_BASES = "Legitimate interest|Contract|Consent|Legal obligation|Vital interest|Contract; consent for children".split(
    "|"
)
_COOKIES = (
    ("_ga", "Google Analytics", "Tells visitors apart", "2 years"),
    ("_gid", "Google Analytics", "Counts visits of a day", "24 hours"),
    ("__Host-session_id", "First party", "Keeps you signed in", "Session"),
    ("OptanonConsent", "OneTrust", "Remembers your cookie choices", "1 year"),
    ("_fbp", "Meta", "Measures advertisements", "3 months"),
    ("csrf_token", "First party", "Guards forms against forgery", "Session"),
    ("IDE", "DoubleClick", "Chooses advertisements", "13 months"),
    ("lang_pref", "First party", "Remembers your language", "30 days"),
    ("AWSALB", "Amazon Web Services", "Spreads the load over servers", "7 days"),
)
_REASONS = (
    "For our everyday business purposes",
    "For our marketing purposes",
    "For joint marketing with other financial companies",
    "For our affiliates’ everyday business purposes",
    "For our affiliates to market to you",
    "For nonaffiliates to market to you",
)
_NEVER = (
    "We will never do any of the following with your data:",
    "The following information is not shared with anybody:",
    "Unless a court orders us to, we do not disclose:",
)
_GROUPS = (
    ("Health", ("heart rate measured by your watch", "sleep times", "notes to your doctor")),
    ("Money", ("your salary", "card numbers and their security codes", "loans that were refused")),
    ("Whereabouts", ("your precise location", "places that you saved as home or work")),
    ("Messages", ("the words of private messages", "voice messages", "drafts that you did not send")),
    ("Children’s data", ("school names", "photos of children under 16")),
)
_QUESTIONS = (
    ("Do you sell my contact list?", "No."),
    ("Do you record support calls?", "Yes, after we have asked you."),
    ("Do you share my location with advertisers?", "Never."),
    ("Can I use the service without an account?", "Yes."),
    ("Do you read my attachments?", "No, not ever."),
    ("Is my data used to train models?", "Only if you opt in."),
    ("Are backups encrypted?", "Yes."),
)
_NOTES = (
    "Only when you have agreed to it in your settings.",
    "Residents of Quebec may object at any time by post.",
    "This excludes records that tax law makes us keep for ten years.",
    "Standard contractual clauses of 4 June 2021, module two.",
    "Measured from the day on which you close your account.",
    "A pseudonym is a number that stands for you and cannot be turned back without a key.",
)
STRUCK = (
    "We sell your purchase history to data brokers.",
    "Voice recordings are kept for nine years after you leave.",
)


def with_additions(policy: Policy, random: Random, *, notes: bool, struck: bool) -> Policy:
    """`policy` with two tables, a list in a list, short answers and, if asked, footnotes and struck sentences."""
    sections = [_retention(random), _nested(random), _answers(random)]
    sections.append(_cookies(random) if random.random() < 0.5 else _may_limit(random))
    random.shuffle(sections)
    parts = list(policy.parts)
    starts = [n for n, part in enumerate(parts) if isinstance(part, Heading) and part.level == 2 and n > 1]
    chosen = sorted(random.sample(starts, min(len(sections), len(starts))), reverse=True)
    for start, section in zip(chosen, sections, strict=False):
        parts[start:start] = section
    policy = replace(policy, parts=tuple(parts))
    if struck:
        policy = _with_struck(policy, random)
    return _with_notes(policy, random) if notes else policy


def _words(text: str) -> Inline:
    return (Run(text),)


def _retention(random: Random) -> list[Part]:
    data = random.sample(_DATA, random.randint(5, 9))
    rows = [(name, random.choice(_PERIODS), random.choice(_BASES)) for name in data]
    rows[1] = (rows[1][0], rows[1][1], "")
    return [
        Heading(2, _words(random.choice(["How long we keep each kind of data", "Retention schedule"]))),
        Paragraph(_words("This table shows how long we keep each kind of data, and on which legal basis.")),
        Table(("Kind of data", "Kept for", "Legal basis"), tuple(rows)),
    ]


def _cookies(random: Random) -> list[Part]:
    rows = random.sample(_COOKIES, random.randint(5, len(_COOKIES)))
    return [
        Heading(2, _words("Cookies that we set")),
        Paragraph(_words("These are the cookies that we and our suppliers set in your browser.")),
        Table(("Name", "Set by", "Purpose", "Lasts"), tuple(rows)),
    ]


def _may_limit(random: Random) -> list[Part]:
    company = random.choice(["our bank", "our group", "our firm"])
    rows = tuple(
        (reason, random.choice(["Yes", "No"]), random.choice(["Yes", "No", "We don’t share"])) for reason in _REASONS
    )
    return [
        Heading(2, _words("Reasons we can share your personal information")),
        Paragraph(
            _words("All financial companies need to share customers’ personal information to run their business.")
        ),
        Table(
            ("Reasons we can share your personal information", f"Does {company} share?", "Can you limit this sharing?"),
            rows,
        ),
    ]


def _nested(random: Random) -> list[Part]:
    groups = random.sample(_GROUPS, 3)
    items = []
    for name, members in groups:
        deepest: tuple[Listing, ...] = ()
        if random.random() < 0.5:
            deepest = (Listing(ordered=False, items=(Item(_words("as a number;")), Item(_words("as a chart.")))),)
        nested = [Item(_words(f"{member};")) for member in members[:-1]]
        nested.append(Item(_words(f"{members[-1]}{':' if deepest else '.'}"), lists=deepest))
        items.append(Item(_words(f"{name}:"), lists=(Listing(ordered=False, items=tuple(nested)),)))
    items.append(Item(_words("Anything else that you mark as private.")))
    return [
        Heading(2, _words(random.choice(["What stays private", "Limits on what we share"]))),
        Paragraph(_words(f"We take some promises seriously. {random.choice(_NEVER)}")),
        Listing(random.random() < 0.5, tuple(items)),
        Paragraph(_words("These limits hold for our suppliers as well.")),
    ]


def _answers(random: Random) -> list[Part]:
    parts: list[Part] = [Heading(2, _words("Short answers"))]
    for question, answer in random.sample(_QUESTIONS, 4):
        parts += [Heading(3, _words(question)), Paragraph(_words(answer), question=question)]
    return parts


def _paragraphs(policy: Policy) -> list[int]:
    """Where paragraphs of some length stand that end in a full stop."""
    return [
        n
        for n, part in enumerate(policy.parts)
        if isinstance(part, Paragraph)
        and part.question is None
        and plain(part.inline).endswith(".")
        and len(plain(part.inline).split()) >= 8
    ]


def _with_struck(policy: Policy, random: Random) -> Policy:
    """Sentences that no longer hold behind two paragraphs."""
    parts = list(policy.parts)
    able = _paragraphs(policy)
    for place, sentence in zip(random.sample(able, min(2, len(able))), STRUCK, strict=False):
        parts[place] = Paragraph((*parts[place].inline, Run(" "), Run(sentence, struck=True)))  # type: ignore[union-attr]
    return replace(policy, parts=tuple(parts))


def _with_notes(policy: Policy, random: Random) -> Policy:
    """Footnotes behind the last sentence of paragraphs."""
    parts = list(policy.parts)
    able = _paragraphs(policy)
    chosen = sorted(random.sample(able, min(3, len(able))))
    notes = random.sample(_NOTES, len(chosen))
    for number, place in enumerate(chosen, start=1):
        parts[place] = Paragraph((*parts[place].inline, Run("", note=number)))  # type: ignore[union-attr]
    return replace(policy, parts=tuple(parts), notes=tuple(notes))
