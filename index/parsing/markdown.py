"""Markdown and plain text become documents; the offsets are those of the file as read."""

import re
from dataclasses import replace

from index.errors import EmptyPolicy
from index.parsing.blocks import blocks
from index.parsing.decoding import decoded
from index.parsing.document import Document, Markup
from index.parsing.front_matter import read_front_matter
from index.parsing.markup import hide
from index.parsing.notes import find_notes, with_notes
from index.parsing.print_layout import is_of_print, without_print_layout
from index.parsing.structure import governed, without_contents, without_menus

_REFERENCE = re.compile(r"^[ ]{0,3}\[[^\]^\n][^\]\n]*\]:[ \t]*<?\S+>?(?:[ \t]+[\"'(][^\n]*)?[ \t]*\r?$", re.MULTILINE)
# A line of a table of contents, with dots between a title and its page.
_CONTENTS = re.compile(
    r"^[^\n]{0,200}?\S[ \t]{0,200}(?:\.{4,400}|(?:\.[ \t]){3,200}\.?|…{2,200}|_{4,400}|·{4,400})"
    r"[ \t]{0,200}\d{0,4}[ \t]{0,200}\r?$",
    re.MULTILINE,
)
_NOT_A_LINE_END = re.compile(r"[^\n\r]")


def parse_markdown(data: bytes, *, path: str) -> Document:
    """See `Parser`: Markdown, or plain text, in UTF-8.

    Where the text was taken from a PDF, it is mended first (see `index.parsing.print_layout`), and offsets count in
    what came of it.
    """
    text = decoded(data, path)
    running = None
    if is_of_print(text):
        text, running = without_print_layout(text)
    metadata, start = read_front_matter(text)
    if running and not metadata.title:
        metadata = replace(metadata, title=running)
    if not text[start:].strip():
        raise EmptyPolicy(f"{path}: empty; put the policy's text into it or leave it out")
    shown = hide(text)
    notes, note_lines = find_notes(shown, start=start)
    for pattern in (_REFERENCE, _CONTENTS):
        shown = pattern.sub(lambda found: _blank(found[0]), shown)
    for begins, ends in note_lines:
        shown = shown[:begins] + _blank(shown[begins:ends]) + shown[ends:]
    found = without_contents(text, without_menus(text, blocks(shown, start=start)))
    found = with_notes(text, governed(text, found), notes)
    return Document(text, tuple(found), Markup.MARKDOWN, metadata)


def _blank(text: str) -> str:
    return _NOT_A_LINE_END.sub(" ", text)
