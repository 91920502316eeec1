"""Pages become documents: the policy whole and in order, and nothing that stands around it."""

from datetime import date

import pytest

from index.errors import DamagedPolicy, EmptyPolicy, PolicyError
from index.parsing.document import Document, Kind
from index.parsing.html import parse_html
from index.parsing.parse import is_html, parse

POLICY = (
    "<h1>Privacy Policy</h1><p>We keep your address for ten days after your order was delivered.</p>"
    "<h2>What we never do</h2><p>We never share:</p><ul><li>Health<ul><li>your heart rate</li></ul></li>"
    "<li>your address book</li></ul><p>We answer every request about your data within thirty days.</p>"
)
SENTENCES = [
    "We keep your address for ten days after your order was delivered.",
    "We answer every request about your data within thirty days.",
]
PAGES = {
    "semantic": "<nav><a href=/a>Home</a><a href=/b>Shop</a></nav><main>{}</main><footer>© 2024 Acme Imprint</footer>",
    "div soup": "<div class=top><div><a href=/a>Home</a> <a href=/b>Shop</a></div></div><div><div>{}</div></div>"
    "<div class=footer><a href=/c>Imprint</a> <a href=/d>Careers</a> © 2024 Acme</div>",
    "form": "<form method=post action=/x><input type=hidden name=__VIEWSTATE value=abc><div id=nav><a href=/a>Home</a>"
    "</div><div id=content>{}</div></form>",
    "banner": "<div id=cookie-banner role=dialog aria-label='Cookies'><p>We use cookies to improve our shop.</p>"
    "<button>Accept all</button></div><article>{}</article>",
    "details": "<main><details><summary>Read it</summary>{}</details></main>",
    "layout table": "<table width=100%><tr><td width=20%><a href=/a>Home</a><br><a href=/b>Shop</a></td><td>{}</td>"
    "</tr></table>",
}


def page(body: str, head: str = "") -> bytes:
    head = f"<head><title>Privacy | Acme</title>{head}</head>"
    return f"<!doctype html><html lang=en>{head}<body>{body}</body></html>".encode()


def document(body: str, head: str = "") -> Document:
    return parse_html(page(body, head), path="a.html")


def words(parsed: Document, *kinds: Kind) -> list[str]:
    return [parsed.text[block.start : block.end] for block in parsed.blocks if not kinds or block.kind in kinds]


@pytest.mark.parametrize("frame", PAGES.values(), ids=PAGES)
def test_the_policy_comes_back_without_what_stands_around_it(frame: str) -> None:
    parsed = document(frame.format(POLICY))
    assert [found for found in words(parsed, Kind.PARAGRAPH) if found in SENTENCES] == SENTENCES
    assert not [
        found for found in words(parsed) if any(w in found for w in ("Home", "Shop", "Imprint", "Accept", "cookies"))
    ]


def test_a_nested_item_has_all_that_governs_it() -> None:
    parsed = document(f"<main>{POLICY}</main>")
    (item,) = [block for block in parsed.blocks if parsed.text[block.start : block.end] == "your heart rate"]
    assert [parsed.text[start:end] for start, end in item.lead_ins] == ["We never share:", "Health"]


def test_cells_know_their_columns_and_both_sides_of_a_break_stay() -> None:
    table = (
        "<table><thead><tr><th>Data</th><th>Details</th></tr></thead><tbody><tr><td>Voice clips</td>"
        "<td>Used to improve.<br>Deleted after 30 days.</td></tr></tbody></table>"
    )
    parsed = document(f"<main>{POLICY}{table}</main>")
    (row,) = [
        block for block in parsed.blocks if block.kind is Kind.ROW and "Voice" in parsed.text[block.start : block.end]
    ]
    cells = [(parsed.text[c.start : c.end], parsed.text[slice(*c.column)] if c.column else None) for c in row.cells]
    assert [column for _, column in cells] == ["Data", "Details"]
    assert "Deleted after 30 days." in cells[1][0]


@pytest.mark.parametrize("question", ["<h3>{}</h3>", "<p><strong>{}</strong></p>", "<dt>{}</dt>"])
def test_a_short_answer_has_its_question(question: str) -> None:
    asked = question.format("Do you sell my personal data?")
    answer = "<dd>No.</dd>" if "<dt>" in question else "<p>No.</p>"
    faq = f"<dl>{asked}{answer}</dl>" if "<dt>" in question else asked + answer
    parsed = document(f"<main>{POLICY}{faq}</main>")
    found = [block for block in parsed.blocks if parsed.text[block.start : block.end] == "No."]
    assert [[parsed.text[start:end] for start, end in block.lead_ins] for block in found] == [
        ["Do you sell my personal data?"]
    ]


@pytest.mark.parametrize("hidden", ["<del>We sell it.</del>", "<s>We sell it.</s>", "<p hidden>We sell it.</p>",
    "<p style='display:none'>We sell it.</p>", "<!-- We sell it. -->", "<script>'We sell it.'</script>",
    "<template><p>We sell it.</p></template>"])  # fmt: skip
def test_what_no_reader_sees_is_left_out(hidden: str) -> None:
    assert "sell" not in document(f"<main>{POLICY}{hidden}</main>").text


def test_the_head_tells_of_the_page() -> None:
    head = '<link rel="canonical" href="https://acme.example/privacy"><meta property="og:site_name" content="Acme">'
    told = document(f"<main>{POLICY}</main>", head).metadata
    assert (told.language, told.address, told.site_name) == ("en", "https://acme.example/privacy", "Acme")


def test_an_address_that_runs_a_script_is_none() -> None:
    head = '<link rel="canonical" href="javascript:alert(1)">'
    assert document(f"<main>{POLICY}</main>", head).metadata.address is None


def test_a_page_of_the_wayback_machine_tells_its_day() -> None:
    mark = (
        "<!--\n     FILE ARCHIVED ON 12:34:56 Mar 20, 2015 AND RETRIEVED FROM THE\n"
        "     INTERNET ARCHIVE ON 1:02:03 Nov 26, 2026.\n-->"
    )
    assert parse_html(page(f"<main>{POLICY}</main>") + mark.encode(), path="a.html").metadata.archived_on == date(
        2015, 3, 20
    )


@pytest.mark.parametrize(
    "encoding", [("windows-1252", "<meta charset=windows-1252>"), ("utf-8", ""), ("utf-16", "")], ids=lambda e: e[0]
)
def test_pages_are_read_in_their_encoding(encoding: tuple[str, str]) -> None:
    name, head = encoding
    data = page(f"<main>{POLICY}<p>Our café’s guests are never photographed by anybody.</p></main>", head)
    assert "café’s" in parse_html(data.decode().encode(name), path="a.html").text


def test_markdown_with_a_tag_is_no_page_and_a_page_called_markdown_is_one() -> None:
    assert not is_html(b"# A <b>bold</b> policy\n\nWe keep it.", path="a.md")
    assert words(parse(page(f"<main>{POLICY}</main>"), path="a.md"), Kind.HEADING)[0] == "Privacy Policy"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"<html>" + b"<div>" * 100_000 + b"x", DamagedPolicy),
        (b"<html><body><script>render()</script><div id=root></div></body></html>", EmptyPolicy),
        (b"<html><body></body></html>", EmptyPolicy),
    ],
    ids=["nested 100,000 deep", "filled by a script", "empty"],
)
def test_a_page_that_cannot_be_read_is_named(data: bytes, error: type[PolicyError]) -> None:
    with pytest.raises(error, match=r"^a\.html"):
        parse_html(data, path="a.html")
