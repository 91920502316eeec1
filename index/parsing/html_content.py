"""Which elements of an HTML page are no part of its text: scripts, hidden ones, navigation, banners, page footers.

Everything is text that nothing speaks against: what is dropped needs evidence (its element, its role, what its class is
called, controls in it), and what holds most of the page's words is kept whatever it is called.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from index.parsing.html_links import link_sort
from index.parsing.html_tree import Element, tag_of

_NEVER_TEXT = frozenset(
    """script style template noscript iframe frameset object embed applet svg canvas audio video map select datalist
    textarea input progress meter head title link meta base param source track rp rt del s strike""".split()
)
_NAVIGATION_ROLES = frozenset("navigation search menu menubar toolbar tablist contentinfo banner".split())
_DIALOG_ROLES = frozenset("dialog alertdialog".split())
_SECTIONING = frozenset("article main blockquote details".split())
_CONTAINERS = frozenset("div ul ol section aside header footer table td form nav p dialog".split())
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_FIELDS = frozenset("text email search tel password url number".split())

# What authors call such parts, whatever their site: each is dropped unless it holds a good part of the page's words.
_NAMED_NAVIGATION = re.compile(
    r"(?:\A|[_\W])(?:\w*nav(?:bar|igation)?|(?:mega-?|sub|main)?menu|breadcrumbs?|\w*sidebar|\w*foot(?:er)?|masthead|"
    r"topbar|off-?canvas|pagination|drawer|skip-?(?:link|nav|to-?content)|colophon|wm-ipp(?:-base|-print)?|donato)(?:\Z|[_\W])"
)
_NAMED_LINKS = re.compile(r"(?:\A|[_\W])(?:related|recommended|social|share|sharing|newsletter|subscribe|promo|advert\w*|ads?)")
_NAMED_CONSENT = re.compile(r"cookie|consent|gdpr|ccpa|onetrust|didomi|truste")
_WORD = re.compile(r"\w\S*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNSEEN_CLASS = re.compile(r"(?:\A|\s)(?:sr-only|visually-?hidden|screen-reader-text)(?:\Z|\s)", re.I)
_HIDING_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden|text-decoration[^;]*line-through)", re.I)
_BUTTON_CLASS = re.compile(r"(?:\A|[\s_-])(?:btn|button)(?:\Z|[\s_-])", re.I)
_MAX_NAME = 300
_MAIN_SHARE = 0.75
_TOGGLE_TARGETS = ("aria-controls", "data-target", "data-bs-target", "href")


@dataclass(slots=True)
class Stat:
    """What is in an element, everything nested in it included.

    Attributes:
        words: outside of links.
        menu_links, menu_words: of links to other pages of the site or to places on this one, `anchors`.
        first, last: its place and that of the last element in it, in the order of the page.
    """

    words: int = 0
    link_words: int = 0
    links: int = 0
    menu_links: int = 0
    menu_words: int = 0
    anchors: int = 0
    buttons: int = 0
    fields: int = 0
    tables: int = 0
    h1: int = 0
    h2: int = 0
    in_link: bool = False
    in_menu_link: bool = False
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Content:
    """What of a page is its text.

    Attributes:
        skipped: elements that are not, with all in them; what follows them may be.
        stats: of each element that is not hidden.
        panels: the label of a tab or an accordion's panel, by the panel's id.
    """

    skipped: set[Element] = field(default_factory=set)
    stats: dict[Element, Stat] = field(default_factory=dict)
    panels: dict[str, Element] = field(default_factory=dict)


def content_of(root: Element, *, address: str | None) -> Content:
    """What of the page `root`, which is at `address`, is its text."""
    content = Content()
    elements = [element for element in root.iter() if tag_of(element)]
    targets = _toggle_targets(elements)
    content.panels = {
        target: control for target, control in targets.items() if control.get("role") == "tab" or _is_tab(control)
    }
    _measure(elements, content, targets, address=address)
    body = next((element for element in elements if tag_of(element) == "body"), root)
    total = content.stats[body].words if body in content.stats else 0
    for element in _shown(elements, content):
        if _is_boilerplate(element, content.stats[element], total):
            content.skipped.add(element)
    _drop_widgets(elements, content)
    _keep_main(elements, content)
    return content


def whole_content(root: Element) -> Content:
    """All of `root`, which holds nothing but a text."""
    content = Content()
    _measure([element for element in root.iter() if tag_of(element)], content, {}, address=None)
    return content


def is_toggle(element: Element) -> bool:
    """Whether `element` shows and hides something on the page: what it says is a heading of that."""
    if element.get("role") == "tab" or element.get("aria-expanded") or element.get("aria-controls"):
        return True
    return any((element.get(name) or "").lower() in ("collapse", "tab") for name in ("data-toggle", "data-bs-toggle"))


def _is_tab(element: Element) -> bool:
    return "tab" in ((element.get("data-toggle") or "") + (element.get("data-bs-toggle") or "")).lower()


def _toggle_targets(elements: list[Element]) -> dict[str, Element]:
    """The controls of the page, by the id of what each shows."""
    targets: dict[str, Element] = {}
    for element in elements:
        if is_toggle(element):
            for name in _TOGGLE_TARGETS:
                for target in (element.get(name) or "").split():
                    targets.setdefault(target.removeprefix("#"), element)
    return targets


def _measure(
    elements: list[Element], content: Content, targets: dict[str, Element], *, address: str | None
) -> None:
    """Count what is in each element, and skip those that are hidden."""
    hidden: set[Element] = set()
    for position, element in enumerate(elements):
        parent = element.getparent()
        above = content.stats.get(parent) if parent is not None else None
        words = len(_WORD.findall(element.tail or ""))
        if above is not None and words:
            _count(above, words)
        if parent in hidden or _is_hidden(element, targets):
            hidden.add(element)
            if parent not in hidden:
                content.skipped.add(element)
            continue
        stat = _own(element, above, position, address=address)
        _count(stat, len(_WORD.findall(element.text or "")))
        content.stats[element] = stat
    for element in reversed(elements):
        if element not in content.stats:
            if tag_of(element) in ("input", "textarea"):
                _add_field(element, content)
            continue
        above = content.stats.get(element.getparent())
        if above is not None:
            _add(above, content.stats[element])


def _own(element: Element, above: Stat | None, position: int, *, address: str | None) -> Stat:
    """What `element` is by itself."""
    tag = tag_of(element)
    href = element.get("href") if tag == "a" and not is_toggle(element) else None
    sort = link_sort(href, address=address) if href is not None else "web"
    menu = sort != "web"
    stat = Stat(
        in_link=href is not None or (above is not None and above.in_link),
        in_menu_link=menu or (href is None and above is not None and above.in_menu_link),
        first=position,
        last=position,
    )
    stat.links, stat.menu_links, stat.tables = int(href is not None), int(menu), int(tag == "table")
    stat.anchors = int(sort == "anchor")
    stat.h1, stat.h2 = int(tag == "h1"), int(tag in ("h2", "h3"))
    stat.buttons = int(_is_button(element, tag) and not is_toggle(element) and not _heads(element))
    return stat


def _count(stat: Stat, words: int) -> None:
    if stat.in_link:
        stat.link_words += words
        stat.menu_words += words * stat.in_menu_link
    else:
        stat.words += words


def _add(above: Stat, below: Stat) -> None:
    for name in ("words", "link_words", "links", "menu_links", "menu_words", "anchors", "buttons", "fields", "tables", "h1", "h2"):
        setattr(above, name, getattr(above, name) + getattr(below, name))
    above.last = max(above.last, below.last)


def _add_field(element: Element, content: Content) -> None:
    parent = content.stats.get(element.getparent())
    kind = (element.get("type") or "text").lower()
    if parent is None:
        return
    if tag_of(element) == "textarea" or kind in _FIELDS:
        parent.fields += 1
    elif kind in ("submit", "button"):
        parent.buttons += 1


def _is_button(element: Element, tag: str) -> bool:
    return tag == "button" or element.get("role") == "button" or _is_button_link(element, tag)


def _is_button_link(element: Element, tag: str) -> bool:
    return tag == "a" and bool(_BUTTON_CLASS.search(element.get("class") or ""))


def _heads(element: Element) -> bool:
    """Whether a button is (in) a heading, or holds one."""
    parent = element.getparent()
    return (parent is not None and tag_of(parent) in HEADINGS) or any(tag_of(child) in HEADINGS for child in element)


def _is_hidden(element: Element, targets: dict[str, Element]) -> bool:
    tag = tag_of(element)
    if tag in _NEVER_TEXT or _UNSEEN_CLASS.search(element.get("class") or ""):
        return True
    style = element.get("style")
    hides = (
        element.get("hidden") is not None
        or (element.get("aria-hidden") or "").lower() == "true"
        or (style is not None and _HIDING_STYLE.search(style) is not None)
    )
    return hides and not _is_panel(element, tag, targets)


def _is_panel(element: Element, tag: str, targets: dict[str, Element]) -> bool:
    """Whether a click shows `element`: a tab's or an accordion's panel, closed when the page was saved."""
    if tag in ("p", "span", "li", "a", "b", "i", "em", "strong", "button"):
        return False
    if element.get("role") == "tabpanel" or (element.get("id") or "") in targets:
        return True
    above, below = _neighbour(element, -1), _neighbour(element, 1)
    if above is not None and is_toggle(above):
        return True
    # A panel is all that stands between its heading and the next one.
    return above is not None and _titles(above) and (below is None or _titles(below))


def _neighbour(element: Element, step: int) -> Element | None:
    found = element.getnext() if step > 0 else element.getprevious()
    while found is not None and not tag_of(found):
        found = found.getnext() if step > 0 else found.getprevious()
    return found


def _titles(element: Element) -> bool:
    if tag_of(element) in HEADINGS or tag_of(element) in ("dt", "button", "summary"):
        return True
    return element.get("role") in ("button", "heading") or any(
        tag_of(child) in HEADINGS or tag_of(child) == "button" for child in element
    )


def _shown(elements: list[Element], content: Content) -> Iterator[Element]:
    """The elements that are in no skipped one, each before those in it."""
    inside: set[Element] = set()
    for element in elements:
        if element in content.skipped or element.getparent() in inside:
            inside.add(element)
        elif element in content.stats:
            yield element
            if element in content.skipped:
                inside.add(element)


def _is_boilerplate(element: Element, stat: Stat, total: int) -> bool:
    tag = tag_of(element)
    if tag in ("html", "body", "main") or (tag not in _CONTAINERS and not element.get("role")):
        return False
    role = (element.get("role") or "").lower()
    largest = stat.words > 0.5 * total and stat.words > 100
    if tag == "nav" or role in _NAVIGATION_ROLES or role in _DIALOG_ROLES or tag == "dialog":
        holds = (role == "banner" and _has_title(element, stat)) or (role == "tablist" and _has_panels(element))
        return not largest and not holds
    if element.get("aria-modal") == "true":
        return not largest
    if tag in ("header", "footer", "aside"):
        return not largest and _is_page_part(element, tag, stat)
    if stat.h1 or (stat.words > 0.4 * total and stat.words > 60):
        return False
    return _is_named_boilerplate(element, stat) or _is_form(tag, stat, total) or _is_menu(element, stat)


def _is_menu(element: Element, stat: Stat) -> bool:
    """Whether most words of `element` are links into the site, and no sentence introduces them."""
    if stat.fields and stat.words <= 12:
        return True
    if stat.menu_links < 3 or stat.menu_words < stat.words or stat.menu_words < 0.5 * stat.link_words:
        return False
    if not stat.words and stat.anchors == stat.menu_links:
        return False  # contents, whose title may stand above: told by `finished` with that
    above = _neighbour(element, -1)
    before = "".join(above.itertext()) if above is not None and tag_of(above) == "p" else ""
    return not before.rstrip().endswith(":")


def _has_panels(element: Element) -> bool:
    """Whether a list of tabs is an accordion with its panels in it, as Bootstrap 3 writes them."""
    return any(below.get("role") == "tabpanel" for below in element.iter())


def _has_title(element: Element, stat: Stat) -> bool:
    """Whether a page's header holds the document's title and not only the site's, which links to its home."""
    titles = [found for found in element.iter("h1") if not any(link.get("href") in ("/", "#") for link in found.iter("a"))]
    return stat.h1 > 0 and bool(titles)


def _is_page_part(element: Element, tag: str, stat: Stat) -> bool:
    """Whether a header, footer or aside belongs to the page and not to an article in it."""
    in_article = any(tag_of(ancestor) in _SECTIONING for ancestor in element.iterancestors())
    if tag == "header":
        return not in_article and not _has_title(element, stat)
    return not in_article or stat.link_words >= stat.words or (stat.buttons > 0 and stat.words <= 60)


def _names(element: Element) -> tuple[str, str]:
    """Class and id of `element` in lower case, their words apart."""
    classes, identity = (element.get("class") or "")[:_MAX_NAME], (element.get("id") or "")[:_MAX_NAME]
    return _CAMEL.sub("-", classes).lower(), _CAMEL.sub("-", identity).lower()


def _is_named_boilerplate(element: Element, stat: Stat) -> bool:
    classes, identity = _names(element)
    if not classes and not identity:
        return False
    if _NAMED_NAVIGATION.search(classes) or _NAMED_NAVIGATION.search(identity):
        return True
    # An id may be a section's anchor ("sharing"): such names count as classes, and beside links or fields.
    linked = stat.link_words >= stat.words or stat.links >= 3 or stat.fields or stat.words <= (20 if stat.links else 6)
    if linked and _NAMED_LINKS.search(classes):
        return True
    consent = _NAMED_CONSENT.search(classes) or _NAMED_CONSENT.search(identity)
    return bool(consent) and stat.buttons > 0 and not _in_main(element)


def _in_main(element: Element) -> bool:
    return any(
        tag_of(ancestor) in ("main", "article") or ancestor.get("role") == "main" for ancestor in element.iterancestors()
    )


def _is_form(tag: str, stat: Stat, total: int) -> bool:
    """Whether a form asks for something rather than wrapping the page, as ASP.NET's do."""
    if tag != "form" or stat.fields + stat.buttons == 0 or stat.h1:
        return False
    return stat.words <= 0.25 * total or (stat.words <= 60 and stat.words <= 0.9 * total)


def _drop_widgets(elements: list[Element], content: Content) -> None:
    """Skip what has buttons before the title or after the last words: banners, offers, "Was this helpful?"."""
    shown = list(_shown(elements, content))
    by_rank = [[content.stats[element].first for element in shown if tag_of(element) == tag] for tag in ("h1", "h2")]
    titles = by_rank[0] or by_rank[1]
    own = [content.stats[element].first for element in shown if len((element.text or "").split()) > 3]
    total = content.stats[shown[0]].words if shown else 0
    for button in reversed(shown):
        stat = content.stats[button]
        if not (stat.buttons and _is_button(button, tag_of(button))) or is_toggle(button) or _heads(button):
            continue
        widget = _widget(button, content.stats, total)
        if widget is None or widget in content.skipped:
            continue
        start, end = content.stats[widget].first, content.stats[widget].last
        title = next((position for position in titles if not start <= position <= end), -1)
        at_end = not own or end >= own[-1]
        if end < title or (at_end and start > title and not _in_flow(widget)):
            content.skipped.add(widget)
            while at_end and own and own[-1] >= start:
                own.pop()
    content.skipped.update(
        element for element in shown if tag_of(element) == "button" and not is_toggle(element) and not _heads(element)
    )


def _widget(button: Element, stats: dict[Element, Stat], total: int) -> Element | None:
    """The largest part of the page around `button` that is short and holds no title."""
    found = None
    for ancestor in button.iterancestors():
        stat = stats.get(ancestor)
        if stat is None or tag_of(ancestor) in ("body", "html", "main", "article") or stat.h1:
            break
        if stat.words > 120 or stat.words > 0.3 * total:
            break
        if tag_of(ancestor) in ("div", "section", "aside", "form", "footer") or "-" in tag_of(ancestor):
            found = ancestor
    return found


def _in_flow(element: Element) -> bool:
    """Whether `element` stands among paragraphs, as a remark within the text does."""
    parent = element.getparent()
    if parent is None or tag_of(parent) == "body":
        return False
    return sum(tag_of(child) == "p" for child in parent) >= 2


def _keep_main(elements: list[Element], content: Content) -> None:
    """Skip what is outside `<main>` where that holds the page's text; a title in front of it stays."""
    shown = list(_shown(elements, content))
    mains = [element for element in shown if tag_of(element) == "main" or element.get("role") == "main"]
    if len(mains) != 1:
        return
    main = mains[0]
    first, last = content.stats[main].first, content.stats[main].last
    inside = [element for element in shown if first <= content.stats[element].first <= last]
    if _words(inside) < _MAIN_SHARE * _words(shown):
        return
    titled = any(tag_of(element) == "h1" for element in inside)
    for element in [main, *main.iterancestors()][:-1]:
        for sibling in element.itersiblings():
            content.skipped.add(sibling)
        for sibling in element.itersiblings(preceding=True):
            stat = content.stats.get(sibling)
            if titled or stat is None or not stat.h1:
                content.skipped.add(sibling)


def _words(shown: list[Element]) -> int:
    return sum(len((element.text or "").split()) + len((element.tail or "").split()) for element in shown)
