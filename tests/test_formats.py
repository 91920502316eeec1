"""Made files: their truth is what the parsers give back, and the judge tells what they lose."""

from pathlib import Path
from random import Random

import pytest

from eval.formats.html_pages import PAGES, Made
from eval.formats.judge import Score, judge
from eval.formats.make import FORMATS, TRUTH, WRITTEN, make, make_one, suitable, truth_for
from eval.formats.reportlab_files import DRAWN
from eval.formats.text import Policy, read_policy
from eval.formats.truth import Truth, read_truth, write_truth
from index.parsing.document import Document
from index.parsing.parse import parse

MARKDOWN = """\
# Pebblemail Privacy Policy

We keep what you write to us for ten days. We read it on no other day.

## What we do not do

We will not:

* sell your address to anybody;
* read your letters aloud.

| Data | Kept for |
| --- | --- |
| Letters | ten days |
| Invoices | ten years |

## Your rights

You can ask us for a copy of all that we hold. We answer within a month.
"""
# Of one file; of all of them it is .99, and is measured by `python -m eval.formats`.
LEAST_SHARE = 0.95


def truth(policy: Policy, *, furniture: tuple[str, ...] = (), contents: tuple[str, ...] = ()) -> Truth:
    made = Made(furniture=list(furniture), contents=list(contents))
    return truth_for(("pebblemail.md", policy), policy, made, file="pebblemail.md", template="none", number=0)


def read(markdown: str) -> Document:
    return parse(markdown.encode(), path="pebblemail.md")


def score(markdown: str, *, furniture: tuple[str, ...] = ()) -> Score:
    policy = read_policy(MARKDOWN, company="Pebblemail")
    return judge(truth(policy, furniture=furniture), read(markdown))


def share(given: Score, measure: str) -> float:
    return given.right[measure] / given.asked[measure]


def test_what_comes_back_whole_has_no_failure():
    given = score(MARKDOWN)
    assert given.failures == []
    assert [share(given, m) for m in ("sentences", "in order", "headings", "items", "lead-ins", "rows", "columns")] == (
        [1.0] * 7
    )


@pytest.mark.parametrize(
    ("was", "now", "measure"),
    [
        ("We read it on no other day.", "", "sentences"),
        ("We read it on no other day.", "We read it on other days.", "sentences"),
        ("## Your rights\n", "Your rights\n", "headings"),
        ("* read your letters aloud.", "read your letters aloud.", "items"),
        ("We will not:\n", "We will not:\n\nMore.\n", "lead-ins"),
        ("| Letters | ten days |", "| Letters | |", "rows"),
        ("| Data | Kept for |", "| Data | |", "columns"),
    ],
)
def test_what_is_lost_is_told(was: str, now: str, measure: str):
    given = score(MARKDOWN.replace(was, now))
    assert share(given, measure) < 1.0
    assert any(failure.startswith(f"{measure}: ") for failure in given.failures), given.failures


def test_what_comes_in_another_order_is_whole_and_not_in_order():
    top, bottom = MARKDOWN.split("## What we do not do")
    given = score(f"## What we do not do{bottom}\n{top}")
    assert share(given, "sentences") == 1.0
    assert share(given, "in order") < 1.0


def test_navigation_and_a_table_of_contents_in_the_text_are_told():
    given = score(f"{MARKDOWN}\nSubscribe to our newsletter\n\n17\n", furniture=("Subscribe to our newsletter",))
    assert given.faults["furniture"] == 2
    policy = read_policy(MARKDOWN, company="Pebblemail")
    twice = MARKDOWN.replace("We keep what", "* Your rights\n* What we do not do\n\nWe keep what")
    told = judge(truth(policy, contents=("Your rights", "What we do not do")), read(twice))
    assert told.faults["contents"] == 2


def test_a_document_of_which_nothing_came_back_has_no_point():
    given = judge(truth(read_policy(MARKDOWN, company="Pebblemail")), Document("", ()))
    assert sum(given.right.values()) == 0


def test_the_truth_is_read_as_it_was_written(tmp_path: Path):
    policy = read_policy(MARKDOWN, company="Pebblemail")
    write_truth([truth(policy)], tmp_path / TRUTH)
    assert read_truth(tmp_path / TRUTH) == [truth(policy)]


@pytest.mark.parametrize("template", [*PAGES, *DRAWN, *WRITTEN])
def test_a_made_file_comes_back_whole_and_in_order(shared: Path, template: str):
    kind = "html" if template in PAGES else "pdf" if template in DRAWN else "docx"
    random = Random(f"test {template}")
    source = random.choice(suitable(shared))
    policy, made = make_one(template, source, random, number=0)
    wanted = truth_for(source, policy, made, file=f"{template}.{kind}", template=template, number=0)
    given = judge(wanted, parse(made.data, path=wanted.file))
    assert share(given, "sentences") >= LEAST_SHARE, given.failures[:5]
    assert share(given, "in order") >= LEAST_SHARE, given.failures[:5]


def test_the_same_seed_makes_the_same_texts(shared: Path, tmp_path: Path):
    first = make(shared, tmp_path / "first", seed=3, formats=["html"])
    again = make(shared, tmp_path / "again", seed=3, formats=["html"])
    assert first == again
    assert [truth.template for truth in first] == [template for template in PAGES for _ in range(4)]
    assert FORMATS == ("html", "pdf", "docx")
    assert all((tmp_path / "again" / each.file).stat().st_size > 2000 for each in again)


def test_no_held_out_service_is_in_a_made_file(shared: Path):
    held_out = set((shared / "ota" / "held_out.txt").read_text(encoding="utf-8").lower().splitlines())
    assert not held_out & {policy.company.lower() for _, policy in suitable(shared)}
