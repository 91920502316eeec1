"""The chat as an element of anybody's page, in a real headless Chromium: what leaks, what it lacks, what it is told."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from api.settings import Settings
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, foreign_page, served, tiny_index

SCRIPT = '<script type="module" src="{server}/widget.js"></script>'
TAG = "<askpolicy-chat></askpolicy-chat>"
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


@pytest.fixture(scope="module")
def address(assistant: FakeAssistant) -> Iterator[str]:
    with served(create_app(assistant, Settings())) as address:
        yield address


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Opened]:
    """Opens a page of the server's own origin that holds some HTML and the widget's script."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")

    def open_page(content: str, *, before: str = "", query: str = "") -> Page:
        page = context.new_page()
        page.set_default_timeout(30_000)
        if before:
            page.add_init_script(before)
        body = f'<!doctype html><html lang="en"><title>Shop</title>{SCRIPT.format(server=address)}{content}'
        page.route(f"{address}/shop*", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
        page.goto(f"{address}/shop{query}")
        return page

    yield open_page
    context.close()


def ask(page: Page, question: str, *, of: str = "askpolicy-chat") -> None:
    chat = page.locator(of)
    answers = chat.locator(".answer").count()
    chat.get_by_role("textbox").last.fill(question)
    chat.get_by_role("textbox").last.press("Enter")
    expect(chat.locator(".answer")).to_have_count(answers + 1)


LEAKING = """<style>
html { font: italic 900 62.5%/3 monospace; letter-spacing: 0.4em; word-spacing: 2em; text-transform: uppercase;
  color: red; text-align: right; direction: rtl; white-space: pre; cursor: wait }
* { box-sizing: content-box; letter-spacing: 0.4em; margin: 9px }
button, textarea, p { all: unset; color: red !important }
</style>"""
LOOKS = """chat => ['.welcome h2', '.welcome p', '.chip', '.ask', 'textarea'].map(each => {
  const style = getComputedStyle(chat.shadowRoot.querySelector(each));
  return ['letterSpacing', 'wordSpacing', 'textTransform', 'fontStyle', 'fontWeight', 'fontSize', 'lineHeight', 'color',
    'direction', 'whiteSpace', 'fontFamily', 'margin', 'boxSizing'].map(name => style[name]).join('|') })"""


def test_nothing_of_the_page_leaks_in(opened: Opened) -> None:
    looks = []
    for style in ("", LEAKING):
        page = opened(style + TAG)
        expect(page.locator(".suggested li")).to_have_count(1)
        looks.append(page.locator("askpolicy-chat").evaluate(LOOKS))
    assert looks[0] == looks[1]


def test_nothing_of_the_chat_leaks_out(opened: Opened) -> None:
    page = opened(f"<h1>Shop</h1><button>Buy</button>{TAG}")
    styles = (
        "[...document.querySelectorAll('body, h1, body > button')]"
        ".map(each => ['color', 'font', 'margin', 'letterSpacing'].map(name => getComputedStyle(each)[name]))"
    )
    names = "Object.keys(window).filter(name => !/^(on|webkit)/.test(name)).sort().join()"
    expect(page.locator(".suggested li")).to_have_count(1)
    with_chat = page.evaluate(styles), page.evaluate(names), page.title()
    page.evaluate("document.querySelector('askpolicy-chat').remove()")
    assert (page.evaluate(styles), page.evaluate(names), page.title()) == with_chat


def test_the_page_sets_colours_and_parts(opened: Opened) -> None:
    page = opened(
        "<style>askpolicy-chat { --askpolicy-accent: rgb(1, 2, 3) }"
        f" askpolicy-chat::part(verdict) {{ text-transform: uppercase }}</style>{TAG}"
    )
    ask(page, ACQUISITION)
    expect(page.locator(".ask")).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(page.locator(".verdict")).to_have_css("text-transform", "uppercase")


def test_attributes_are_observed_and_the_conversation_stays(opened: Opened) -> None:
    page = opened('<askpolicy-chat greeting="Before"></askpolicy-chat>')
    ask(page, ACQUISITION)
    page.get_by_role("textbox").last.fill("a draft")
    page.evaluate(
        "Object.entries({ greeting: 'After', lang: 'de', contact: 'mailto:us@shop.example' })"
        ".forEach(([name, value]) => document.querySelector('askpolicy-chat').setAttribute(name, value))"
    )
    expect(page.get_by_role("heading", name="After")).to_be_visible()
    expect(page.locator(".verdict")).to_have_text("Nein")
    expect(page.get_by_role("textbox").last).to_have_value("a draft")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de-AT", ["Nein", "archiviert am 20. März 2015", "Jahre alt"]),
        ("fr", ["Non", "archivée le 20 mars 2015", "ans"]),
        ("es", ["No", "archivada el 20 de marzo de 2015", "años"]),
        ("nl", ["No", "archived 20 March 2015", "years old"]),
    ],
)
def test_it_speaks_the_language_of_the_page(opened: Opened, language: str, words: list[str]) -> None:
    page = opened(f'<div lang="{language}">{TAG}</div>')
    ask(page, ACQUISITION)
    for each in words:
        expect(page.locator(".card")).to_contain_text(each)


def test_a_launcher_opens_and_closes_by_keyboard_and_the_page_hears_of_it(opened: Opened) -> None:
    page = opened("<askpolicy-chat launcher></askpolicy-chat>")
    page.evaluate(
        "window.heard = []; for (const name of ['open', 'close', 'ask', 'answer'])"
        " addEventListener(`askpolicy-${name}`, (event) => heard.push([name, event.detail.outcome ?? null]))"
    )
    launcher = page.get_by_role("button", name="Ask about our privacy policy")
    expect(page.get_by_role("dialog")).to_be_hidden()
    launcher.press("Enter")
    expect(page.get_by_role("dialog", name="Ask about our privacy policy")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_focused()
    ask(page, ACQUISITION)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(launcher).to_be_focused()
    assert page.evaluate("heard") == [["open", None], ["ask", None], ["answer", "answered"], ["close", None]]


def test_two_copies_on_a_page_are_two_conversations_that_survive_a_reload(opened: Opened) -> None:
    page = opened(
        '<askpolicy-chat id="one"></askpolicy-chat><askpolicy-chat id="two" companies="JivoChat"></askpolicy-chat>'
    )
    ask(page, ACQUISITION, of="#one")
    ask(page, "what if it is sold?", of="#two")
    page.reload()
    expect(page.locator("#one .asked")).to_have_text([f"You asked: {ACQUISITION}"])
    expect(page.locator("#two .asked")).to_have_text(["You asked: what if it is sold?"])


def test_one_that_is_removed_asks_and_tells_no_more_and_comes_back_as_it_was(opened: Opened) -> None:
    page = opened(TAG)
    ask(page, ACQUISITION)
    asked: list[str] = []
    page.route("**/v1/ask", lambda route: asked.append("asked"))
    page.get_by_label("Your question").fill("slow")
    page.keyboard.press("Enter")
    expect(page.locator(".waiting")).to_be_visible()
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/ask")):
        page.evaluate("window.chat = document.querySelector('askpolicy-chat'); chat.remove()")
    page.evaluate("document.body.append(chat)")
    expect(page.locator(".asked")).to_have_text([f"You asked: {ACQUISITION}"])
    page.unroute("**/v1/ask")
    ask(page, "is JivoChat sold?")


def test_a_chat_restricted_to_companies_says_so_and_one_of_nobody_too(opened: Opened) -> None:
    page = opened('<askpolicy-chat companies="JivoChat, mailigen.com"></askpolicy-chat>')
    expect(page.locator(".welcome")).to_contain_text("This chat covers JivoChat and Mailigen.")
    page = opened('<askpolicy-chat companies="Nobody Inc"></askpolicy-chat>')
    expect(page.locator(".note.failed")).to_contain_text("The index has no policy of Nobody Inc")


def test_where_a_policy_does_not_say_one_is_led_to_those_who_may(opened: Opened) -> None:
    page = opened('<askpolicy-chat contact="mailto:privacy@shop.example"></askpolicy-chat>')
    ask(page, "can I download my data from Mailigen?")
    expect(page.get_by_role("link", name="Contact us")).to_have_attribute("href", "mailto:privacy@shop.example")
    page = opened('<askpolicy-chat contact="javascript:window.harmed=true"></askpolicy-chat>')
    page.evaluate("addEventListener('askpolicy-contact', (event) => { window.question = event.detail.question })")
    ask(page, "can I download my data from Mailigen?")
    page.get_by_role("button", name="Contact us").click()
    assert page.evaluate("[window.question, window.harmed]") == ["can I download my data from Mailigen?", None]


LACKING = {
    "constructed style sheets": "delete window.CSSStyleSheet.prototype.replaceSync",
    "AbortSignal.any and .timeout": "delete AbortSignal.any; delete AbortSignal.timeout",
    "text decoder streams": "delete window.TextDecoderStream; delete ReadableStream.prototype.pipeThrough",
    "a session's storage": "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error() } })",
    "room in the session's storage": "Storage.prototype.setItem = () => { throw new Error('full') }",
    "a clipboard": "delete Navigator.prototype.clipboard",
}


@pytest.mark.parametrize("lacking", LACKING)
def test_a_browser_that_lacks_something_still_gets_its_answer(opened: Opened, lacking: str) -> None:
    page = opened(TAG, before=LACKING[lacking])
    ask(page, ACQUISITION)
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    expect(page.locator(".ask")).to_have_css("background-color", "rgb(15, 92, 92)")
    page.get_by_role("button", name="Copy as a citation").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()


# When a page may not ask


def test_a_foreign_page_that_is_not_allowed_is_told_so(browser: Browser, address: str) -> None:
    with foreign_page() as shop:
        shop.content = (
            f'<!doctype html><title>Shop</title><script type="module" src="{address}/widget.js"></script>{TAG}'
        )
        page = browser.new_page()
        page.goto(shop.address)
        expect(page.locator(".note.failed")).to_contain_text("This page may not ask here")
        expect(page.locator(".note.failed")).to_contain_text(f"does not answer pages of {shop.address}")
        page.close()


def test_a_page_whose_own_policy_forbids_it_is_told_so(browser: Browser, address: str) -> None:
    with foreign_page({"Content-Security-Policy": f"script-src {address}; connect-src 'none'"}) as shop:
        shop.content = (
            f'<!doctype html><title>Shop</title><script type="module" src="{address}/widget.js"></script>{TAG}'
        )
        page = browser.new_page()
        page.goto(shop.address)
        expect(page.locator(".note.failed")).to_contain_text("Whoever runs the page adds the server to connect-src")
        page.close()


def test_who_is_offline_is_told_so(opened: Opened) -> None:
    page = opened(TAG)
    expect(page.locator(".suggested li")).to_have_count(1)
    page.context.set_offline(True)
    ask(page, ACQUISITION)
    expect(page.locator(".note.failed")).to_contain_text("You are offline")
    page.context.set_offline(False)


def test_a_server_that_answers_in_an_older_form_is_told(opened: Opened) -> None:
    page = opened(TAG)
    page.route("**/v1/ask", lambda route: route.fulfill(json={"answer": "No.", "hits": []}))
    ask(page, ACQUISITION)
    expect(page.locator(".note.failed")).to_contain_text("The server is older than this chat")
