"""Markdown and plain text become documents: what is no policy is in no block, and what governs a block is known."""

from datetime import date

import pytest

from index.errors import EmptyPolicy, NotText
from index.parsing.document import Block, Document, Kind
from index.parsing.markdown import parse_markdown


def document(text: str) -> Document:
    return parse_markdown(text.encode(), path="a.md")


def words(text: str, *, kind: Kind | None = None) -> list[str]:
    parsed = document(text)
    return [parsed.text[block.start : block.end] for block in parsed.blocks if kind in (None, block.kind)]


def block_of(text: str, found: str) -> tuple[Document, Block]:
    parsed = document(text)
    (block,) = [block for block in parsed.blocks if found in parsed.text[block.start : block.end]]
    return parsed, block


def leads(text: str, found: str) -> list[str]:
    parsed, block = block_of(text, found)
    return [parsed.text[start:end] for start, end in block.lead_ins]


# What governs a block


@pytest.mark.parametrize(
    "mark",
    ["- {}", "* {}", "1. {}", "a) {}", "(iv) {}", "• {}"],
    ids=["dash", "star", "number", "letter", "roman", "dot"],
)
def test_every_item_of_a_list_has_the_sentence_that_introduces_it(mark: str):
    items = ["your location", "your address book", "recordings"]
    text = "We care. We never collect:\n\n" + "\n".join(mark.format(item) for item in items) + "\n"
    assert [leads(text, item) for item in items] == [["We never collect:"]] * 3


@pytest.mark.parametrize(
    "text",
    [
        "We never share:\n\n1. Health\n\n   - heart rate\n",
        "We never share:\n\n* Health\n    * heart rate\n",
        "We never share:\n\n1. Health\n   a) heart rate\n",
        "We never share:\n\n- Health\n\n  - heart rate\n",
    ],
)
def test_a_nested_item_has_all_that_it_stands_in(text: str):
    assert leads(text, "heart rate") == ["We never share:", "Health"]


@pytest.mark.parametrize(
    "between",
    ["\n   It is yours alone.\n\n", "\nThe first of these is a promise that we make to all of you.\n\n"],
    ids=["indented paragraph", "paragraph in the list"],
)
def test_a_paragraph_within_a_list_does_not_end_what_governs_it(between: str):
    text = f"We will not:\n\n1. sell your data\n{between}2. share your photos\n"
    assert leads(text, "share your photos") == ["We will not:"]


def test_a_list_without_an_introduction_has_no_lead_in():
    assert leads("We run a weather app.\n\n- We sell nothing.\n- We share nothing.\n", "share nothing") == []


@pytest.mark.parametrize("ending", ["does none of the following.", "acts as follows.", "does not —"])
def test_an_introduction_need_not_end_in_a_colon(ending: str):
    assert leads(f"Acme {ending}\n\n- sell data\n- rent data\n", "rent data") == [f"Acme {ending}"]


def test_rows_are_governed_like_items():
    text = "We do not share these:\n\n| Data | Why |\n|---|---|\n| Photos | private |\n"
    assert leads(text, "Photos") == ["We do not share these:"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("**Do you sell my data?**", "No."),
        ("## Do you share my location?", "Never, unless you ask us to."),
        ("Can I download my data?", "Yes. The settings page has a button for it, and it takes a minute at most."),
        ("Q: Do you keep recordings of my calls?", "A: No"),
    ],
)
def test_a_short_answer_has_its_question(question: str, answer: str):
    assert leads(f"# Privacy\n\n{question}\n\n{answer}\n", answer) == [question.lstrip("# ")]


def test_a_long_answer_stands_for_itself():
    answer = "We keep what you tell us for as long as your account is open and then delete it."
    assert leads(f"## How long do you keep data?\n\n{answer}\n", answer) == []


# Tables


@pytest.mark.parametrize(
    "text",
    [
        "| Data | Kept for |\n|---|---|\n| Logs | 90 days |\n",
        "Data | Kept for\n--- | ---\nLogs | 90 days\n",
        "|Data|Kept for|\n|:--|--:|\n|Logs|90 days|\n",
    ],
)
def test_a_cell_knows_its_column(text: str):
    parsed, row = block_of(text, "Logs")
    cells = [
        (parsed.text[cell.start : cell.end], parsed.text[slice(*cell.column)] if cell.column else None)
        for cell in row.cells
    ]
    assert cells == [("Logs", "Data"), ("90 days", "Kept for")]


def test_an_escaped_bar_parts_no_cells():
    _, row = block_of("| a | b |\n|---|---|\n| x \\| y | z |\n", "x")
    assert len(row.cells) == 2


def test_a_table_without_names_of_columns_has_none():
    _, row = block_of("|  |  |\n|---|---|\n| Logs | 90 days |\n", "Logs")
    assert [cell.column for cell in row.cells] == [None, None]


# Footnotes


@pytest.mark.parametrize(
    ("mark", "note"), [("[^1]", "[^1]: "), ("¹", "¹ "), ("<sup>1</sup>", "<sup>1</sup> "), ("[^fee]", "[^fee]:")]
)
def test_a_footnote_belongs_to_what_cites_it(mark: str, note: str):
    text = f"We share ratings.{mark}\n\nWe sell nothing.\n\n{note}Only when you agree.\n"
    parsed, block = block_of(text, "ratings")
    assert [parsed.text[start:end] for start, end in block.notes] == ["Only when you agree."]
    assert "Only when you agree." not in words(text)


def test_a_line_that_nothing_cites_is_no_footnote():
    assert "¹ Only when you agree." in words("We share ratings.\n\n¹ Only when you agree.\n")


# What is no policy


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- we sell it -->",
        "<!--\nDraft:\n\nwe sell it\n-->",
        "~~We sell it.~~",
        "<del>We sell it.</del>",
        "<s>We sell it.</s>",
        "<script>sell(it)</script>",
    ],
)
def test_what_is_commented_out_or_struck_out_is_in_no_block(hidden: str):
    text = f"We keep it for a year.\n\n{hidden}\n\nWe share nothing.\n"
    assert words(text) == ["We keep it for a year.", "We share nothing."]


def test_front_matter_tells_of_the_file_and_is_no_text():
    parsed = document(
        "---\ntitle: Privacy Policy\ncompany: Tallgrass\nlanguage: en\neffective_on: 2020-09-18\n"
        "source_url: https://tallgrass.example/p\ndescription: how we sell\n---\n\nWe keep it for ten days.\n"
    )
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == ["We keep it for ten days."]
    told = parsed.metadata
    assert (told.title, told.company, told.language, told.effective_on, told.address) == (
        "Privacy Policy",
        "Tallgrass",
        "en",
        date(2020, 9, 18),
        "https://tallgrass.example/p",
    )


@pytest.mark.parametrize(
    "text",
    [
        "---\nWe sell it.\n---\nWe keep it.\n",
        "---\na: [1\n---\nWe keep it.\n",
        "---\n" + "[" * 9_000 + "\n---\nWe keep it.\n",
    ],
)
def test_a_rule_above_a_text_is_no_front_matter_and_loses_nothing(text: str):
    assert any("We keep it." in found for found in words(text))


@pytest.mark.parametrize(
    "contents",
    [
        "Collection .......... 1\nUse of data .......... 2\nSale .......... 3\n",
        "1. [Collection](#a)\n2. [Use of data](#b)\n3. [Sale](#c)\n",
        "- Collection\n- Use of data\n- Sale\n",
        "Collection . . . . . 1\n\nUse of data . . . . . 2\n\nSale . . . . . 3\n",
    ],
    ids=["dots", "links", "words alone", "spaced dots"],
)
def test_a_table_of_contents_is_in_no_block(contents: str):
    body = "".join(
        f"## {title}\n\nWe do this every single day.\n\n" for title in ("1. Collection", "2. Use of data", "3. Sale")
    )
    found = words(f"# Privacy Policy\n\n{contents}\n{body}", kind=None)
    assert [line for line in found if line.endswith("day.")] == ["We do this every single day."] * 3
    assert len(found) == 7


def test_reference_definitions_are_no_text():
    assert words("Ask [us][contact].\n\n[contact]: https://a.example/c\n") == ["Ask [us][contact]."]


# Numbered clauses


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("4 RETENTION\n\n4.1 We keep recordings for ten days after the call has ended.\n", "RETENTION"),
        ("4. Retention\n\nWe keep recordings for ten days after the call has ended.\n", "Retention"),
        ("4.2 Retention periods.\n\n4.2.1 Recordings are erased.\n", "Retention periods"),
    ],
)
def test_the_title_of_a_numbered_clause_is_a_heading(text: str, title: str):
    assert words(text, kind=Kind.HEADING) == [title]


def test_a_short_numbered_clause_is_no_heading():
    assert words("4.1 We sell nothing.\n\n4.2 We share nothing.\n", kind=Kind.HEADING) == []


# Text taken from printed pages


def test_words_broken_at_line_ends_and_pages_are_whole_again():
    text = (
        "Acme Privacy Policy      Page 1 of 2\n\nWe may retain your geolo-\ncation history for a long-\nterm study, "
        "and your bio-\n\nAcme Privacy Policy      Page 2 of 2\n\nmetric template never.\n"
    )
    parsed = document(text)
    assert " ".join(parsed.text[slice(block.start, block.end)] for block in parsed.blocks).split() == (
        "We may retain your geolocation history for a long-term study, and your biometric template never.".split()
    )
    assert parsed.metadata.title == "Acme Privacy Policy"


def test_page_headers_beside_form_feeds_go():
    text = "\fAcme confidential\nWe sell it.\n\fAcme confidential\nWe keep it.\n\fAcme confidential\nWe share it.\n"
    assert words(text) == ["We sell it.", "We keep it.", "We share it."]


def test_other_texts_are_kept_as_they_are():
    text = "# A\r\n\r\nOur well-\r\nknown service keeps it.\r\n"
    assert document(text).text == text


# Bad input


def test_bytes_that_are_no_text_are_refused():
    for data, error in (
        (b"caf\xe9", NotText),
        (b"a\0b", NotText),
        (b"", EmptyPolicy),
        (b"\xef\xbb\xbf \n", EmptyPolicy),
    ):
        with pytest.raises(error, match=r"^a\.md: "):
            parse_markdown(data, path="a.md")
