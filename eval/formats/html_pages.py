"""HTML files: a policy inside pages that look like those of real sites."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval.formats.html_body import Style, inline_html, notes_html, part_html, sections, slug
from eval.formats.text import Heading, Policy, plain

_TEMPLATES = Path(__file__).parent / "templates"

_MENUS = (
    ("Our products", ("Cloud archive suite", "Mobile field kit", "Pricing and plans")),
    ("Who it is for", ("Hospitals and clinics", "Start-ups under ten people", "Museums and libraries")),
    ("Learn more", ("Customer success stories", "Webinars on demand", "Developer documentation")),
    ("About the firm", ("Leadership team", "Careers (we are hiring)", "Press room and media kit")),
    ("Shop the range", ("New arrivals this week", "Gift cards from $10", "Last chance outlet")),
    ("Watch and listen", ("Top stories tonight", "Podcast archive", "Live radio schedule")),
    ("Community corner", ("Forum rules of conduct", "Meet-ups near you", "Leaderboard of the month")),
)
_FOOTERS = (
    ("Company facts", ("Investor relations desk", "Modern slavery statement", "Site map and feeds")),
    ("Get support", ("Track my parcel", "Returns and exchanges desk", "Size guide and fitting")),
    ("Follow us", ("Like us on Facebook", "Subscribe on YouTube", "Pins on Pinterest")),
    ("Fine print", ("Terms of the website", "Accessibility pledge", "Imprint and licences")),
    ("For partners", ("Become a reseller", "Affiliate programme sign-up", "Download our logo pack")),
)


@dataclass(frozen=True, slots=True)
class Page:
    """A template, how its editor writes, and in which encoding it is stored."""

    style: Style
    encoding: str = "utf-8"
    notes: bool = False
    struck: bool = False


PAGES = {
    "mega_menu": Page(Style(hidden_words=True)),
    "div_soup": Page(Style(paragraph="div", heading="div")),
    "wordpress_elementor": Page(Style(paragraph="span"), notes=True),
    "layout_2005": Page(Style(paragraph="br", heading="font", table="first-row"), encoding="cp1252"),
    "aspnet_form": Page(Style(heading="bold", nbsp=3, table="first-row"), struck=True),
    "wayback": Page(Style(first_level=2, top_links=True), encoding="latin-1"),
    "amp": Page(Style(soft_hyphens=True, table="scoped")),
    "accordion": Page(Style(nbsp=7)),
    "tabs": Page(Style(table="scoped")),
    "help_centre": Page(Style(paragraph="p", hidden_words=True, top_links=True, table="scoped")),
    "word_export": Page(Style(paragraph="word", heading="bold", listing="word", table="first-row"), encoding="cp1252"),
    "shop": Page(Style(paragraph="span", nbsp=1)),
    "government": Page(Style(top_links=True), encoding="utf-16", notes=True),
    "docs_hub": Page(Style(anchors=True, hidden_words=True), notes=True, struck=True),
}
# Printed by a browser into PDF.
PRINTED = {
    "print_browser": Page(Style()),
    "print_columns": Page(Style(soft_hyphens=True), notes=True),
    "print_report": Page(Style(table="scoped")),
    "print_plain": Page(Style(), notes=True),
}


@dataclass(slots=True)
class Made:
    """A laid-out file, with what a layout adds to the policy."""

    data: bytes = b""
    furniture: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)


def html_page(name: str, policy: Policy, random: Random, *, number: int) -> Made:
    """`policy` in the page `name`; `number` tells apart the pages of one template."""
    page, made = (PAGES | PRINTED)[name], Made()
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    parts, notes = policy.parts[1:], notes_html(policy)
    body = _html("\n".join(part_html(part, page.style) for part in policy.parts), notes)
    text = environment.get_template(f"{name}.html.jinja").render(
        title=policy.title,
        company=policy.company,
        updated=policy.updated,
        n=number,
        menus=random.sample(_MENUS, 4),
        footer=random.sample(_FOOTERS, 3),
        body=body,
        body_without_title=_html("\n".join(part_html(part, page.style) for part in parts), notes),
        sections=_sections(policy, page.style),
        contents=[plain(part.inline) for part in parts if isinstance(part, Heading) and part.level == 2],
        slug=slug,
        f=_recorder(made.furniture),
        toc=_recorder(made.contents),
    )
    if page.style.top_links:
        made.furniture.append("Back to top")
    if page.style.hidden_words and 'class="sr-only"> (opens' in text:
        made.furniture.append("(opens in a new window)")
    made.data = text.encode("utf-16" if page.encoding == "utf-16" else page.encoding, errors="xmlcharrefreplace")
    return made


def _recorder(into: list[str]) -> Callable[[str], str]:
    def record(words: str) -> str:
        into.append(str(words.unescape()) if isinstance(words, Markup) else words)
        return words

    return record


def _sections(policy: Policy, style: Style) -> list[tuple[Markup, Markup]]:
    """Each section's heading and the rest of it; the footnotes end the last one."""
    bare = replace(style, soft_hyphens=False, hidden_words=False, nbsp=0)
    found = sections(policy)
    return [
        (
            Markup(inline_html(heading.inline, bare)),  # noqa: S704 - it was escaped run by run
            _html("\n".join(part_html(part, style) for part in parts), notes_html(policy) if n == len(found) else ""),
        )
        for n, (heading, parts) in enumerate(found, start=1)
    ]


def _html(*pieces: str) -> Markup:
    return Markup("".join(pieces))  # noqa: S704 - every piece was escaped run by run
