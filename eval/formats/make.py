"""The corpus of made files: which policies, in which formats, and the truth beside them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from eval.formats.additions import with_additions
from eval.formats.docx_files import Layout, docx_file
from eval.formats.html_body import Style, body_html
from eval.formats.html_pages import PAGES, PRINTED, Made, html_page
from eval.formats.reportlab_files import DRAWN, drawn_pdf
from eval.formats.text import Heading, Listing, Paragraph, Policy, all_words, read_policy, words_of
from eval.formats.tools import chromium_pdf, libreoffice, pandoc
from eval.formats.truth import Truth, read_truth, truth_of, write_truth

TRUTH = "truth.jsonl"
LICENCE = "ODC-BY-1.0"
_SERIF, _SANS = "Liberation Serif", "Liberation Sans"
# Through LibreOffice into PDF.
OFFICE = {
    "office_letter": Layout(a4=False, font="Carlito"),
    "office_columns": Layout(columns=2, justified=True, font=_SERIF, size_pt=9),
    "office_contents": Layout(contents=True, headings="numbered", ruled=False, font=_SERIF),
    "office_bold": Layout(headings="bold", a4=False, font=_SANS, size_pt=10),
}
WRITTEN = {
    "word_styles": Layout(listing="style"),
    "word_bold": Layout(headings="bold", ruled=False, font="Arial"),
    "word_tracked": Layout(tracked=True),
    "word_numbered": Layout(headings="numbered", contents=True, columns=2),
}
_NOTED = {"office_letter", "office_columns", "lab_contents", "word_styles", "pandoc", "resaved"}
# Held out by whoever keeps the shared data; the longer list lies beside it.
_HELD_OUT = (
    "bandcamp epassi kraken librarything limitless linear match olvid viaplay wordfeud hide.me_vpn ucla.edu".split()
)
_DAYS = ("March 3, 2025", "1 July 2024", "2023-11-20", "September 15, 2022", "12/01/2021")

Source = tuple[str, Policy]


def suitable(data: Path) -> list[Source]:
    """The corpus's files, with their policies, that are free to use, clean, of middling length, and have lists."""
    held_out = {*_HELD_OUT, *(data / "ota" / "held_out.txt").read_text(encoding="utf-8").lower().splitlines()}
    found = []
    for line in (data / "corpus" / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        names = {entry["company"].lower(), entry["file"].removesuffix(".md")}
        if entry["licence"] != LICENCE or not 900 < entry["words"] < 3500 or names & held_out:
            continue
        text = (data / "corpus" / "policies" / entry["file"]).read_text(encoding="utf-8")
        policy = read_policy(text, company=entry["company"])
        if words_of(policy) > 0.93 * entry["words"] and _presentable(policy):
            found.append((entry["file"], policy))
    return found


def make(data: Path, out: Path, *, seed: int, formats: Sequence[str]) -> list[Truth]:
    """Write files of `formats` and their truth under `out`; the truth of other formats there stays.

    Args:
        data: the folder of shared data, with `corpus/` and `ota/` in it.
        seed: the same seed makes the same texts.
        formats: of `FORMATS`.
    """
    policies = suitable(data)
    truths = read_truth(out / TRUTH) if (out / TRUTH).exists() else []
    truths = [truth for truth in truths if truth.file.partition("/")[0] not in formats]
    for name in formats:
        random = Random(f"{seed} {name}")
        (out / name).mkdir(parents=True, exist_ok=True)
        truths += _MAKERS[name](out, random.sample(policies, len(policies)), random)
    write_truth(truths, out / TRUTH)
    return truths


def make_one(template: str, source: Source, random: Random, *, number: int) -> tuple[Policy, Made]:
    """A policy and the file that needs no other program to be made: HTML, DOCX, or PDF by reportlab."""
    page = PAGES.get(template) or PRINTED.get(template)
    notes, struck = (page.notes, page.struck) if page else (template in _NOTED, template == "word_tracked")
    policy = with_additions(source[1], random, notes=notes, struck=struck)
    policy = replace(policy, updated=random.choice(_DAYS))
    if page is not None:
        return policy, html_page(template, policy, random, number=number)
    if template in DRAWN:
        return policy, drawn_pdf(policy, template)
    return policy, docx_file(policy, (OFFICE | WRITTEN).get(template, Layout()))


def truth_for(source: Source, policy: Policy, made: Made, *, file: str, template: str, number: int) -> Truth:
    """The truth of a file; words of the furniture that the policy uses too do not count as furniture."""
    said = " ".join([*(words for part in policy.parts for words in all_words(part)), *policy.notes]).lower()
    return truth_of(
        policy,
        file=file,
        template=template,
        half="test" if number % 2 else "dev",
        source=source[0],
        furniture=(words for words in (*made.furniture, *struck_words(policy)) if words.lower() not in said),
        contents=made.contents,
    )


def struck_words(policy: Policy) -> list[str]:
    """The sentences that do not hold."""
    return [run.text for part in policy.parts if isinstance(part, Paragraph) for run in part.inline if run.struck]


def _each(templates: Sequence[str], order: Sequence[Source], times: int) -> Iterator[tuple[str, int, Source]]:
    pairs = [(template, number) for template in templates for number in range(times)]
    for n, (template, number) in enumerate(pairs):
        yield template, number, order[n % len(order)]


def _html(out: Path, order: Sequence[Source], random: Random) -> Iterator[Truth]:
    for template, number, source in _each(list(PAGES), order, 4):
        policy, made = make_one(template, source, random, number=number)
        file = f"html/{template}-{number}.html"
        (out / file).write_bytes(made.data)
        yield truth_for(source, policy, made, file=file, template=template, number=number)


def _pdf(out: Path, order: Sequence[Source], random: Random) -> Iterator[Truth]:
    with TemporaryDirectory() as scratch:
        written = []
        for template, number, source in _each([*OFFICE, *PRINTED, *DRAWN], order, 2):
            policy, made = make_one(template, source, random, number=number)
            name = f"{template}-{number}"
            target = out / "pdf" / f"{name}.pdf"
            if template in OFFICE:
                written.append(Path(scratch) / f"{name}.docx")
                written[-1].write_bytes(made.data)
            elif template in PRINTED:
                page = Path(scratch) / f"{name}.html"
                page.write_bytes(made.data)
                chromium_pdf(page, target)
            else:
                target.write_bytes(made.data)
            yield truth_for(source, policy, made, file=f"pdf/{name}.pdf", template=template, number=number)
        libreoffice(written, "pdf", out / "pdf")


def _docx(out: Path, order: Sequence[Source], random: Random) -> Iterator[Truth]:
    with TemporaryDirectory() as scratch:
        resaved = []
        for template, number, source in _each([*WRITTEN, "pandoc", "resaved"], order, 2):
            policy, made = make_one(template, source, random, number=number)
            name = f"{template}-{number}"
            target = out / "docx" / f"{name}.docx"
            if template == "pandoc":
                page = Path(scratch) / f"{name}.html"
                page.write_text(f"<title>{policy.title}</title>{body_html(policy, Style())}", encoding="utf-8")
                pandoc(page, target)
                made = Made()
            elif template == "resaved":
                resaved.append(Path(scratch) / f"{name}.docx")
                resaved[-1].write_bytes(made.data)
            else:
                target.write_bytes(made.data)
            yield truth_for(source, policy, made, file=f"docx/{name}.docx", template=template, number=number)
        libreoffice(resaved, "docx", out / "docx")


def _presentable(policy: Policy) -> bool:
    words = " ".join(words for part in policy.parts for words in all_words(part))
    try:
        words.encode("cp1252")
    except UnicodeEncodeError:
        return False
    headings = sum(isinstance(part, Heading) and part.level == 2 for part in policy.parts)
    return headings >= 6 and sum(isinstance(part, Listing) for part in policy.parts) >= 2


_MAKERS: Mapping[str, Callable[[Path, Sequence[Source], Random], Iterator[Truth]]] = {
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
}
FORMATS = tuple(_MAKERS)
