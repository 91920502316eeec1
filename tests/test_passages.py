"""Text becomes passages: exact offsets, lead-ins, headings, and nothing that is only a heading or a menu."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.parsing.blocks import blocks
from index.parsing.document import Document, Kind
from index.parsing.markdown import parse_markdown
from index.policies.passages import Passage, context, passages
from index.policies.versions import Policy, of_document
from index.sources.files import read_policy_file

SAMPLE = Path(__file__).parent.parent / "index" / "sample"


def words_as_tokens(text: str) -> int:
    return len(text.split())


def parse(text: str) -> Document:
    return parse_markdown(text.encode(), path="p.md")


def split(text: str, *, max_tokens: int = 200) -> list[Passage]:
    policy = of_document(Policy("p", "c", "Privacy Policy", None, None, "", 0, "p.md"), parse(text))
    return passages(policy, max_tokens=max_tokens, count_tokens=words_as_tokens)


def texts(text: str) -> list[str]:
    return [passage.text for passage in split(text)]


def headings(text: str) -> list[str]:
    return [text[block.start : block.end] for block in blocks(text) if block.kind is Kind.HEADING]


def test_a_paragraph_is_a_passage_under_its_heading_path():
    (passage,) = split("# Privacy Policy\n\n## Sharing\n\n### Sale\n\nWe never sell what you tell us.\n")
    assert (passage.heading, passage.text) == (("Sharing", "Sale"), "We never sell what you tell us.")


def test_an_item_keeps_the_lead_in_that_gives_it_meaning():
    text = (
        "We disclose your data only as follows:\n\n"
        "  * Our employees see it when they need to know it.\n"
        "  * We may share it with affiliates, all of whom are bound by this policy.\n"
    )
    found = split(text)
    assert [text[slice(*span)] for passage in found for span in passage.lead_ins] == [
        "We disclose your data only as follows:",
        "We disclose your data only as follows:",
    ]


def test_short_items_stay_together_under_their_lead_in():
    text = (
        "We collect the following personal data from all of you who register:\n\n"
        "- name\n- e-mail address\n- date of birth\n"
    )
    assert "name\n- e-mail address\n- date of birth" in texts(text)


def test_a_lone_dash_above_a_line_is_a_list_mark_that_lost_its_text():
    text = (
        "Information We Collect:\nWe may collect these types of information about each of you:\n"
        "-\nCookies - we send cookies to your computer when you visit.\n"
        "-\nLogs - our servers record what your browser sends us.\n"
    )
    assert headings(text) == ["Information We Collect:"]
    assert texts(text) == [
        "Cookies - we send cookies to your computer when you visit.",
        "Logs - our servers record what your browser sends us.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## Cookies ##\n\nWe set cookies for all of you.", "Cookies"),
        ("Cookies\n-------\n\nWe set cookies for all of you.", "Cookies"),
        ("**Business transfers**\n\nWe may sell the company and everything in it to others.", "**Business transfers**"),
        (
            "How We Use Information We Collect:\nWe use it to run the service that you asked for.",
            "How We Use Information We Collect:",
        ),
        ("**How We Use I** t\n\nWe use it to run the service that you asked for.", "**How We Use I** t"),
        (
            "How do we protect your data?\n\nWe encrypt all of it when it travels, and when it rests.",
            "How do we protect your data?",
        ),
        (
            "CHILDREN AND MINORS\n\nWe do not want data of anybody who is under thirteen years old.",
            "CHILDREN AND MINORS",
        ),
        ("4\\. Data Security\n\nWe encrypt all of it when it travels, and also when it rests here.", "Data Security"),
    ],
)
def test_headings_come_in_many_shapes(text: str, expected: str):
    assert headings(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "# Privacy Policy\n\n## Cookies\n\n## Sharing\n",
        "* [Home](/)\n* [Products](/p)\n* [About us](/a)\n* [Contact](/c)\n",
        "---\n\n***\n\n| --- | --- |\n",
        "<div class='menu'>\n</div>\n",
    ],
)
def test_a_heading_or_a_menu_alone_is_no_passage(text: str):
    assert split(text) == []


def test_a_text_with_a_paragraph_a_line_and_no_blank_lines_is_split_at_its_lines():
    lines = [
        f"This is paragraph number {n}, and it says something of its own about data that we hold." for n in range(3)
    ]
    assert texts("\n".join(lines)) == lines


def test_a_text_whose_lines_an_editor_broke_is_put_together_again():
    text = "\n".join(
        [
            "We collect what you type into the forms of this site, and we keep it for a",
            "year unless the law makes us keep it for longer than that, in which case we",
            "follow the law in every single country that we happen to operate in today.",
        ]
    )
    assert texts(text) == [text]


def test_a_long_paragraph_is_split_between_sentences():
    sentence = "We take great care of everything that you tell us on any day of the year. "
    found = split(sentence * 40)
    assert len(found) > 2
    assert all(passage.text.startswith("We take") and passage.text.endswith("year.") for passage in found)


def test_a_sentence_longer_than_the_model_reads_is_cut_and_nothing_is_lost():
    text = "We share " + "data with partners, " * 200 + "and that is all."
    found = split(text, max_tokens=50)
    assert all(words_as_tokens(passage.text) <= 50 for passage in found)
    assert "".join("".join(passage.text.split()) for passage in found) == "".join(text.split())


def test_an_address_in_lines_is_one_passage():
    text = "If you have questions, write to us:\n\nInfratel Inc.  \n1424 4th Ave  \nSuite 900  \nSeattle, WA 98101\n"
    assert "Infratel Inc.  \n1424 4th Ave  \nSuite 900  \nSeattle, WA 98101" in texts(text)


def test_the_context_of_an_item_is_heading_and_lead_in():
    text = (
        "## Sharing\n\nWe share it with the following and with nobody else:\n\n"
        "- the people whom we pay to keep our servers running every day\n"
    )
    (*_, item) = split(text)
    assert context(text, item) == "Sharing. We share it with the following and with nobody else"


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*.txt")), ids=lambda path: path.name[:3])
def test_every_passage_of_the_samples_stands_where_it_says(path: Path):
    file = read_policy_file(path)
    policy = of_document(Policy("p", "c", "t", None, None, "", 0, file.path), file.document)
    found = passages(policy, max_tokens=200, count_tokens=words_as_tokens)
    assert found
    assert all(passage.text == file.text[passage.start : passage.end] for passage in found)


@given(st.text(alphabet=st.sampled_from("ab. \n-*#|>_:\\`[]()1\t\u200b“é\u2028\r"), max_size=400).filter(str.strip))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all_gives_exact_spans_in_order(text: str):
    found = split(text, max_tokens=20)
    assert all(passage.text == text[passage.start : passage.end] and passage.text.strip() for passage in found)
    ends = [passage.end for passage in found]
    starts = [passage.start for passage in found]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    for passage in found:
        assert passage.sentences
        assert all(passage.start <= start < end <= passage.end for start, end in passage.sentences)


def test_what_stands_under_an_endless_heading_is_not_lost():
    text = "# " + "word " * 400 + "\n\nWe sell your e-mail address to advertisers every day.\n"
    assert "We sell your e-mail address to advertisers every day." in texts(text)


@pytest.mark.parametrize(
    "line", ["-|" * 5_000 + "x", "**" + " " * 5_000 + "x", "# a" + " " * 5_000 + "b", "1. " + " " * 5_000, "a" * 50_000]
)
def test_a_hostile_line_is_read_like_any_other(line: str):
    assert all(
        passage.text == (line + "\nWe sell nothing.")[passage.start : passage.end]
        for passage in split(line + "\nWe sell nothing.")
    )
