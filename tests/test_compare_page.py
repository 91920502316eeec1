"""The page /compare in a real headless Chromium, against a real server."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.app import create_app
from api.guard.keys import add_key
from api.settings import Settings
from qa.assistant import Assistant
from tests.api_support import served
from tests.browser import LOOKS, in_look, violations
from tests.pages_support import FORMULA, HOSTILE, QUESTIONS, VENDORS, vendors_index
from tests.tiny import TinyEmbedder

SALE = "do they sell my address to whoever pays?"
TWO = {"company": ["Vendor 01", "Pebblemail"], "q": [SALE, "are cookies set in my browser?"]}


@pytest.fixture(scope="module")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vendors")


@pytest.fixture(scope="module")
def assistant(index_folder: Path) -> Assistant:
    return Assistant(vendors_index(index_folder), TinyEmbedder())


@pytest.fixture(scope="module")
def address(assistant: Assistant) -> Iterator[str]:
    with served(create_app(assistant, Settings())) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; whatever the browser complains of fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert [complaint for complaint in complaints if "Failed to load resource" not in complaint] == []


def open_table(page: Page, address: str, cells: int, **asked: Any) -> None:
    page.goto(f"{address}/compare?{urlencode(asked, doseq=True)}")
    expect(page.locator("td button")).to_have_count(cells, timeout=60_000)
    expect(page.locator(".progress progress")).to_be_hidden()


def cell(page: Page, company: str, question: str) -> Any:
    """The button of a cell, found as a reader of the table finds it."""
    headers = page.get_by_role("columnheader").all_inner_texts()
    return page.get_by_role("row", name=company).get_by_role("cell").nth(headers.index(question) - 1).locator("button")


def test_what_is_chosen_is_compared_and_the_address_reproduces_it(page: Page, address: str) -> None:
    page.goto(f"{address}/compare")
    box = page.get_by_role("combobox", name="Add a company")
    for name in ("Vendor 07", "Pebblemail"):
        box.fill(name.lower())
        page.get_by_role("option", name=name, exact=True).click()
    expect(page.get_by_role("list", name="Chosen companies").get_by_role("listitem")).to_have_count(2)
    page.get_by_label("Questions of my own").check()
    page.get_by_label("One question a line").fill(f"{SALE}\n\nare cookies set in my browser?\n")
    page.get_by_label("As of the day").fill("2021-12-31")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("td button")).to_have_count(4)
    rows = page.get_by_role("row").all_inner_texts()
    assert "as_of=2021-12-31" in page.url
    page.reload()
    expect(page.locator("td button")).to_have_count(4)
    assert page.get_by_role("row").all_inner_texts() == rows
    page.get_by_text("What is compared").click()
    expect(page.get_by_role("list", name="Chosen companies").get_by_role("listitem").first).to_contain_text("Vendor 07")
    expect(page.get_by_label("One question a line")).to_have_value(f"{SALE}\nare cookies set in my browser?")


def test_the_cells_are_what_the_contract_tells(page: Page, address: str) -> None:
    open_table(page, address, 4, **TWO)
    asked = {"companies": TWO["company"], "questions": TWO["q"]}
    words = {"answered": "Says", "unclear": "Unclear", "not_stated": "Not stated"}
    for each in httpx.post(f"{address}/v1/compare", json=asked).json()["cells"]:
        expect(cell(page, each["company"]["name"], each["question"])).to_have_text(words[each["outcome"]])


def test_a_checklist_that_ships_is_asked_of_all_companies(page: Page, address: str) -> None:
    shipped = httpx.get(f"{address}/v1/checklists").json()["checklists"]
    wanted = next(each for each in shipped if each["name"] == "consumer")
    page.goto(f"{address}/compare?checklist=consumer")
    expect(page.get_by_role("heading", name=wanted["title"])).to_be_visible()
    expect(page.locator("td button")).to_have_count(41 * len(wanted["items"]), timeout=60_000)
    assert page.get_by_role("columnheader").count() == 1 + len(wanted["items"])


def test_a_list_that_is_pasted_adds_every_company_and_who_is_not_here_gets_a_row(page: Page, address: str) -> None:
    page.goto(f"{address}/compare?{urlencode({'q': SALE})}")
    page.get_by_text("What is compared").click()
    box = page.get_by_role("combobox", name="Add a company")
    box.evaluate(
        "(box, names) => { const data = new DataTransfer(); data.setData('text/plain', names);"
        " box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }",
        "Vendor 03\nNowhere Inc.\nPebblemail\n",
    )
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("td button")).to_have_count(3)
    expect(cell(page, "Nowhere Inc.", SALE)).to_have_text("Not in index")


# Evidence


def test_a_cell_opens_its_evidence_and_escape_gives_the_focus_back(page: Page, address: str) -> None:
    open_table(page, address, 4, **TWO)
    opener = cell(page, "Vendor 01", SALE)
    opener.click()
    dialog = page.get_by_role("dialog", name="Vendor 01")
    expect(dialog.get_by_role("heading")).to_be_focused()
    expect(dialog).to_contain_text(SALE)
    expect(dialog.get_by_role("blockquote").first).to_contain_text("we sell your address to whoever pays for it.")
    expect(dialog).to_contain_text("“Sale”")
    expect(dialog).to_contain_text("archived 1 January 2020")
    link = dialog.get_by_role("link", name="Read it in the policy").first
    assert re.search(r"/policies/[^?]+\?passage=\d+-\d+&evidence=\d+-\d+$", link.get_attribute("href") or "")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_evidence_leads_to_the_passage_in_the_policy(page: Page, address: str) -> None:
    open_table(page, address, 4, **TWO)
    cell(page, "Vendor 01", SALE).click()
    page.get_by_role("link", name="Read it in the policy").first.click()
    expect(page.locator("mark").first).to_contain_text("we sell your address")


def test_silence_tells_what_it_means(page: Page, address: str) -> None:
    page.goto(f"{address}/compare?company=Vendor+01&checklist=gdpr")
    silent = page.locator("td.is-not_stated button").first
    silent.click()
    expect(page.get_by_role("dialog").locator(".silence")).to_contain_text("Art. 1")


def test_the_keyboard_alone_makes_a_table_and_reads_it(page: Page, address: str) -> None:
    page.goto(f"{address}/compare")
    expect(page.get_by_role("button", name="Compare")).to_be_visible()

    def tab_to(target: Any) -> None:
        for _ in range(40):
            if target.evaluate("each => each === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError("not reached by 40 tabs")

    tab_to(page.get_by_role("combobox", name="Add a company"))
    for name in ("vendor 07", "vendor 08"):
        page.keyboard.type(name)
        expect(page.locator("[role=option][aria-selected=true]")).to_have_text(name.capitalize())
        page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Chosen companies").get_by_role("listitem")).to_have_count(2)
    tab_to(page.get_by_label("A checklist"))
    page.keyboard.press("ArrowDown")
    tab_to(page.get_by_label("One question a line"))
    page.keyboard.type(f"{SALE}\nare cookies set?")
    tab_to(page.get_by_role("button", name="Compare"))
    page.keyboard.press("Enter")
    expect(page.locator("td button")).to_have_count(4)
    tab_to(page.locator("td button").first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator("td button").nth(3)).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator("td button").nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Vendor 08")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("td button").nth(2)).to_be_focused()
    assert page.locator("td button[tabindex='0']").count() == 1


# Filters


def test_filters_leave_what_matches_and_the_address_keeps_them(page: Page, address: str) -> None:
    open_table(page, address, 82, q=[SALE, "do you do astrology with blood groups?"])
    silent = page.locator("td.is-not_stated button").count()
    assert 0 < silent < 82
    page.get_by_label("Show", exact=True).select_option("not_stated")
    rows = page.locator("tbody tr:visible")
    assert rows.count() == page.locator("tbody tr", has=page.locator(".is-not_stated")).count()
    page.get_by_label("Company’s name has").fill("dor 1")
    expect(rows).to_have_count(10)
    assert "cells=not_stated" in page.url
    page.reload()
    expect(page.locator("tbody tr:visible")).to_have_count(10, timeout=30_000)
    expect(page.get_by_label("Show", exact=True)).to_have_value("not_stated")


# Forty by twenty-four


@pytest.fixture(scope="module")
def recorded(address: str) -> dict[str, str]:
    """What the server streams for forty companies and 24 questions, by where each page begins."""
    pages, after = {}, None
    while True:
        asked = {"companies": VENDORS, "questions": QUESTIONS} | ({"after": after} if after else {})
        text = httpx.post(f"{address}/v1/compare", json=asked, headers={"Accept": "text/event-stream"}, timeout=60).text
        pages[after or ""] = text
        after = json.loads(re.search(r"data: (.*)", text)[1])["next"]  # type: ignore[index]
        if after is None:
            return pages


def replay(page: Page, recorded: dict[str, str]) -> None:
    def told(route: Route) -> None:
        after = (route.request.post_data_json or {}).get("after", "")
        route.fulfill(body=recorded[after], content_type="text/event-stream")

    page.route("**/v1/compare", told)


def test_forty_by_twenty_four_cells_are_at_hand_at_once(page: Page, address: str, recorded: dict[str, str]) -> None:
    replay(page, recorded)
    page.add_init_script(
        "window.longest = 0; new PerformanceObserver((list) => { for (const each of list.getEntries())"
        " window.longest = Math.max(window.longest, each.duration) }).observe({ type: 'longtask', buffered: true })"
    )
    open_table(page, address, 960, company=VENDORS, q=QUESTIONS)
    page.locator("td button").first.focus()
    took_ms = page.evaluate(
        "new Promise((done) => { const began = performance.now(); const show = document.querySelector('#cells');"
        " show.value = 'not_stated'; show.dispatchEvent(new Event('change'));"
        " requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))) })"
    )
    # measured: 25 ms, and no task of 50 ms
    assert took_ms < 1_000
    assert page.evaluate("longest") < 1_000


def test_headers_stay_in_sight_and_cover_no_focused_cell(page: Page, address: str, recorded: dict[str, str]) -> None:
    replay(page, recorded)
    open_table(page, address, 960, company=VENDORS, q=QUESTIONS)
    page.locator("td button").first.focus()
    page.keyboard.press("Control+End")
    expect(page.locator("td button").last).to_be_focused()
    for header in (page.get_by_role("columnheader").first, page.get_by_role("rowheader").last):
        expect(header).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    box = page.locator("td button:focus").bounding_box()
    head = page.get_by_role("columnheader").first.bounding_box()
    assert box
    assert head
    assert box["y"] >= head["y"] + head["height"] - 1
    assert box["x"] >= head["x"] + head["width"] - 1


# Files


@pytest.mark.parametrize("form", ["CSV", "JSON lines", "Markdown", "HTML", "XLSX"])
def test_a_button_saves_the_table_as_a_file(page: Page, address: str, form: str) -> None:
    open_table(page, address, 4, **TWO)
    with page.expect_download() as saved:
        page.get_by_role("button", name=form).click()
    content = saved.value.path().read_bytes()
    if form == "XLSX":
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
        return
    ending = {"JSON lines": "jsonl", "Markdown": "md"}.get(form, form.lower())
    assert saved.value.suggested_filename == f"comparison.{ending}"
    text = content.decode()
    if form == "CSV":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 4
        assert next(row["quote"] for row in rows if row["company"] == "Vendor 01") == f"'{FORMULA}"
    if form == "JSON lines":
        asked = {"companies": TWO["company"], "questions": TWO["q"]}
        assert [json.loads(line) for line in text.splitlines()] == httpx.post(
            f"{address}/v1/compare", json=asked
        ).json()["cells"]
    if form == "HTML":
        assert "<table>" in text
    if form == "Markdown":
        assert text.startswith("# 2 questions")


def test_only_the_rows_that_are_shown_are_saved(page: Page, address: str) -> None:
    open_table(page, address, 4, **TWO)
    page.get_by_label("Company’s name has").fill("pebble")
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON lines").click()
    lines = saved.value.path().read_text().splitlines()
    assert {json.loads(line)["company"]["name"] for line in lines} == {"Pebblemail"}


def test_forty_by_twenty_four_cells_are_saved(page: Page, address: str, recorded: dict[str, str]) -> None:
    replay(page, recorded)
    open_table(page, address, 960, company=VENDORS, q=QUESTIONS)
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert len(list(csv.DictReader(io.StringIO(saved.value.path().read_text())))) == 960


# When things go wrong


def test_what_breaks_off_goes_on_where_it_was(page: Page, address: str) -> None:
    pages = []

    def cut(route: Route) -> None:
        pages.append((route.request.post_data_json or {}).get("after"))
        route.abort() if len(pages) == 2 else route.continue_()

    page.route("**/v1/compare", cut)
    page.goto(f"{address}/compare?{urlencode({'company': VENDORS[:10], 'q': QUESTIONS}, doseq=True)}")
    expect(page.locator(".note.failed")).to_contain_text("The server cannot be reached")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("td button")).to_have_count(240, timeout=30_000)
    assert pages == [None, pages[1], pages[1], pages[3]]
    expect(page.locator(".note.failed")).to_have_count(0)


def test_who_asks_too_often_waits_and_the_table_is_filled_all_the_same(page: Page, address: str) -> None:
    told = {"type": "/problems/too-many-requests", "title": "Too many", "status": 429, "detail": "wait"}
    times: list[int] = []

    def refuse(route: Route) -> None:
        times.append(1)
        if len(times) > 1:
            route.continue_()
            return
        route.fulfill(
            status=429, body=json.dumps(told), content_type="application/problem+json", headers={"Retry-After": "1"}
        )

    page.route("**/v1/compare", refuse)
    open_table(page, address, 4, **TWO)
    assert len(times) == 2


def test_a_run_can_be_stopped_and_goes_on(page: Page, address: str) -> None:
    page.route("**/v1/compare", lambda route: None)
    page.goto(f"{address}/compare?{urlencode(TWO, doseq=True)}")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    page.unroute("**/v1/compare")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("td button")).to_have_count(4)


def test_a_question_that_cannot_be_read_is_told(page: Page, address: str) -> None:
    page.goto(f"{address}/compare?q=%3F")
    expect(page.locator(".note.failed")).to_contain_text("The question cannot be read")


def test_no_question_is_told_beside_the_field(page: Page, address: str) -> None:
    page.goto(f"{address}/compare")
    page.get_by_label("Questions of my own").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Write a question, or choose a checklist.")).to_be_visible()
    expect(page.get_by_label("One question a line")).to_be_focused()


def test_a_page_without_a_token_says_that_it_may_not_ask(assistant: Assistant, tmp_path: Path, page: Page) -> None:
    keys = tmp_path / "keys.json"
    add_key(keys, "somebody")
    closed = Settings(keys=keys)
    with served(create_app(assistant, closed), closed) as server:
        page.goto(f"{server}/compare?{urlencode(TWO, doseq=True)}")
        expect(page.locator(".note.failed")).to_contain_text("This page may not ask here")


def test_whatever_a_policy_or_a_name_says_stays_text(page: Page, address: str) -> None:
    real = httpx.post(
        f"{address}/v1/compare",
        json={"companies": ["Vendor 01"], "questions": [SALE]},
        headers={"Accept": "text/event-stream"},
    ).text

    def poison(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: poison(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each, name) for each in value]
        if name == "source_url":
            return "javascript:document.title='taken over'"
        texts = ("name", "question", "text", "title", "heading", "silence", "source", "note", "type")
        return HOSTILE if name in texts else value

    told = []
    for event in filter(None, real.split("\n\n")):
        name, data = (line.split(": ", 1)[1] for line in event.splitlines())
        told.append(f"event: {name}\ndata: {json.dumps(poison(json.loads(data)))}\n\n")
    page.route("**/v1/compare", lambda route: route.fulfill(body="".join(told), content_type="text/event-stream"))
    open_table(page, address, 1, company=HOSTILE, q=HOSTILE)
    page.locator("td button").click()
    expect(page.get_by_role("dialog").get_by_role("blockquote")).to_have_text(f"“{HOSTILE}”")
    assert page.locator("main img, main script").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    page.keyboard.press("Escape")
    page.get_by_text("What is compared").click()
    expect(page.get_by_role("list", name="Chosen companies")).to_contain_text(HOSTILE)
    assert "taken over" not in page.title().replace(HOSTILE, "")


# For everyone


STATES = {
    "form": "",
    "own questions": f"?{urlencode({'q': '?'})}",
    "table": f"?{urlencode(TWO, doseq=True)}",
    "filtered": f"?{urlencode(TWO | {'cells': 'not_stated'}, doseq=True)}",
    "evidence": f"?{urlencode(TWO, doseq=True)}",
    "options": "",
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_no_violation(browser: Browser, address: str, axe: str, state: str, look: str) -> None:
    context = in_look(browser, look)
    page = context.new_page()
    page.goto(f"{address}/compare{STATES[state]}")
    expect(page.get_by_text("What is compared")).to_be_visible()
    if state in ("table", "filtered", "evidence"):
        expect(page.locator("td button")).to_have_count(4)
    if state == "evidence":
        page.locator("td button").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
    if state == "options":
        page.get_by_role("combobox", name="Add a company").fill("vendor")
        expect(page.get_by_role("option").first).to_be_visible()
    assert violations(page, axe) == []
    context.close()


@pytest.mark.parametrize("width", [320, 768, 1280, 3840])
def test_nothing_is_wider_than_the_screen(browser: Browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 740})
    open_table(page, address, 4, **TWO)
    page.locator("td button").first.click()
    dialog = page.get_by_role("dialog")
    sizes = dialog.evaluate(
        "each => [each.scrollWidth - each.clientWidth, document.documentElement.scrollWidth - innerWidth]"
    )
    page.close()
    assert sizes == [0, 0]


def test_the_table_is_one_to_a_screen_reader(page: Page, address: str) -> None:
    open_table(page, address, 4, **TWO)
    assert page.locator("thead th:not([scope=col])").count() == 0
    assert page.locator("tbody tr > th[scope=row]").count() == 2
    assert page.locator("caption").inner_text() == "2 questions: companies by questions"
    assert page.locator("[aria-live], [role=status], [role=alert], [role=log]").count() == 1
    expect(page.get_by_role("status")).to_contain_text("2 companies, 2 questions: ")


def test_the_page_asks_nobody_else_for_anything(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_table(page, address, 4, **TWO)
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


@pytest.mark.parametrize("path", ["/compare", "/timeline", "/tables.css", "/modules/compare.js"])
def test_pages_are_strict_and_kept(address: str, path: str) -> None:
    first = httpx.get(address + path)
    assert "require-trusted-types-for 'script'" in first.headers["content-security-policy"]
    assert "unsafe" not in first.headers["content-security-policy"]
    again = httpx.get(address + path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert httpx.get(f"{address}/modules/..%2Findex.html").status_code == 404
