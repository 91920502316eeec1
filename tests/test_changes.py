"""What changed between two versions of a policy: every changed paragraph is told once, and form alone is no change."""

from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.parsing.markdown import parse_markdown
from index.policies.changes import ChangeKind, Stretch, changes_between, paragraphs
from index.policies.versions import Policy, of_document

SELL = "We never sell the personal data of our members to anybody, whoever asks for it."
KEEP = "We keep recordings of your voice for ten days after you have sent them to us."
SHARE = "We share your address with the carriers that bring parcels to your door."


def version(text: str, *, technical: bool = False) -> Policy:
    policy = Policy("a", "acme", "Privacy Policy", date(2020, 1, 1), None, "", 0, "a.md", technical=technical)
    return of_document(policy, parse_markdown(text.encode(), path="a.md"))


def told(before: str, after: str, *, technical: bool = False) -> list[tuple[str, str | None, str | None]]:
    return [
        (change.kind.value, change.before and change.before.text, change.after and change.after.text)
        for change in changes_between(version(before), version(after, technical=technical))
    ]


def document(*paragraphs: str) -> str:
    return "\n\n".join(["# Privacy Policy", *paragraphs])


def test_added_removed_and_reworded_paragraphs_are_told_apart():
    nine = KEEP.replace("ten", "nine")
    assert told(document(SELL, KEEP), document(nine, SHARE)) == [
        ("removed", SELL, None),
        ("reworded", KEEP, nine),
        ("added", None, SHARE),
    ]


def test_of_a_reworded_paragraph_the_changed_words_are_given():
    after = version(document(KEEP.replace("ten days", "**nine** long days")))
    (change,) = changes_between(version(document(KEEP)), after)
    assert change.before is not None
    assert change.after is not None
    assert [
        change.before.text[a - change.before.start : b - change.before.start] for a, b in change.before.changed
    ] == ["ten"]
    assert [after.text[a:b] for a, b in change.after.changed] == ["nine** long"]


def test_a_change_names_the_headings_that_it_stands_under():
    (change,) = changes_between(
        version(document("## Storage", "### Voice", KEEP)),
        version(document("## Storage", "### Voice", KEEP.replace("ten", "two"))),
    )
    assert change.after is not None
    assert change.after.heading == ("Privacy Policy", "Storage", "Voice")


def test_what_moved_is_set_apart():
    assert told(document(SELL, KEEP, SHARE), document(KEEP, SHARE, SELL)) == [("moved", SELL, SELL)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(SELL, SELL.replace("personal data", "**personal   data**"), id="emphasis and white space"),
        pytest.param(
            f"{SELL} [more](https://a.example/1)", f"{SELL} [more](https://b.example/2)", id="a link's target"
        ),
        pytest.param(f"* {SELL}\n* {KEEP}", f"1. {SELL}\n2. {KEEP}", id="list marks"),
        pytest.param(f"## 3. Sharing\n\n{SHARE}", f"## 4. Sharing\n\n{SHARE}", id="numbering"),
        pytest.param(f"## 3 Sharing\n\n{SHARE}", f"## 4 Sharing\n\n{SHARE}", id="numbering without a dot"),
        pytest.param("Last updated: 3 May 2020", "Last updated: 4 June 2021", id="the day of the last update"),
        pytest.param("Last updated: 5 months ago", "Last updated: 6 months ago", id="how long ago the last update was"),
        pytest.param(f"{SELL} {KEEP}", f"{SELL}\n\n{KEEP}", id="a paragraph that is split"),
        pytest.param(f"{SELL}\n\n{KEEP}\n\n{SHARE}", f"{SELL} {KEEP}\n\n{SHARE}", id="paragraphs that are joined"),
        pytest.param("“Members” — don’t sell it", '"Members" - don\'t sell it', id="typographic quotes and dashes"),
        pytest.param("When you use our app, the url is kept", "When you use our App, the URL is kept", id="case"),
    ],
)
def test_form_alone_is_a_technical_change(before: str, after: str):
    kinds = {kind for kind, *_ in told(document(before), document(after))}
    assert kinds <= {"technical"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "You must be 13 years old to use this service of ours.",
            "You must be 16 years old to use this service of ours.",
        ),
        ("Our contract with the carrier ends on 3 May 2020.", "Our contract with the carrier ends on 3 May 2021."),
        ("We do sell your data to whoever asks.", "We do not sell your data to whoever asks."),
        ("Write to privacy@acme.example about your data.", "Write to data@acme.example about your data."),
        ("## 13 Years and older", "## 16 Years and older"),
        ("We take a fee of 5% for each sale.", "We take a fee of $5 for each sale."),
    ],
)
def test_what_a_policy_says_is_never_technical(before: str, after: str):
    assert [kind for kind, *_ in told(document(before, SHARE), document(after, SHARE))] == ["reworded"]


def test_a_change_of_the_archives_tools_is_technical_whatever_it_does():
    assert [kind for kind, *_ in told(document(SELL), document(SELL, KEEP), technical=True)] == ["technical"]


def test_a_paragraph_that_is_split_and_reworded_is_one_change():
    (change,) = told(document(f"{SELL} {KEEP}"), document(SELL.replace("never", "often"), KEEP))
    assert change == ("reworded", f"{SELL} {KEEP}", f"{SELL.replace('never', 'often')}\n\n{KEEP}")


def test_equal_versions_have_no_changes():
    assert changes_between(version(document(SELL)), version(document(SELL))) == []


def test_thousands_of_paragraphs_are_compared_in_bounded_time():
    before = document(
        *(f"Paragraph {number} of this policy says a thing about topic{number}." for number in range(1_500))
    )
    after = document(
        *(f"Paragraph {number} of our policy says two things on subject{number}." for number in range(1_500))
    )
    assert len(changes_between(version(before), version(after))) >= 1_500


SENTENCES = [
    SELL,
    KEEP,
    SHARE,
    KEEP.replace("ten", "nine"),
    SELL.replace("never", "sometimes"),
    "* " + SHARE,
    "## Sharing",
    "## 2. Sharing",
    "Last updated: 3 May 2020",
    "Last updated: 4 May 2021",
    "We do.",
    f"{SELL} {KEEP}",
    f"{KEEP} {SHARE}",
    "| a | b |\n| --- | --- |\n| We sell | nothing |",
    "| a | b |\n| --- | --- |\n| We sell | all of it |",
]
TEXTS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12).map(lambda found: document(*found))


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_every_changed_paragraph_is_told_exactly_once(before: str, after: str):
    old, new = version(before), version(after)
    changes = changes_between(old, new)
    olds = Counter(start for change in changes for start in starts(change.before, old))
    news = Counter(start for change in changes for start in starts(change.after, new))
    assert set((olds | news).values()) <= {1}
    # what is in no change stands in both, as often and in the same order
    assert [p.key for p in paragraphs(old) if p.start not in olds] == [
        p.key for p in paragraphs(new) if p.start not in news
    ]


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_offsets_are_places_of_the_texts(before: str, after: str):
    old, new = version(before), version(after)
    for change in changes_between(old, new):
        for stretch, policy in ((change.before, old), (change.after, new)):
            if stretch:
                assert stretch.text == policy.text[stretch.start : stretch.end]
                assert all(stretch.start <= start < end <= stretch.end for start, end in stretch.changed)
        assert (change.kind is ChangeKind.ADDED) == (change.before is None)
        assert (change.kind is ChangeKind.REMOVED) == (change.after is None)


def starts(stretch: Stretch | None, policy: Policy) -> list[int]:
    return [p.start for p in paragraphs(policy) if stretch and stretch.start <= p.start < stretch.end]
