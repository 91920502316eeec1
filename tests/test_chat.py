"""The chat page in a real headless Chromium, against a real server."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.app import create_app
from api.settings import Settings
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, served, tiny_index

WEB = Path(__file__).parent.parent / "api" / "web"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


@pytest.fixture(scope="module")
def address(assistant: FakeAssistant) -> Iterator[str]:
    with served(create_app(assistant, Settings())) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The chat page, its companies loaded; whatever the browser complains of fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(5_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.get_by_role("option")).to_have_count(6)
    yield page
    page.close()
    assert [complaint for complaint in complaints if "Failed to load resource" not in complaint] == []


def ask(page: Page, question: str) -> None:
    answers = page.locator(".answer").count()
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".answer")).to_have_count(answers + 1)


def test_an_answer_quotes_the_sentence_large_with_its_source(page: Page) -> None:
    ask(page, ACQUISITION)
    card = page.get_by_role("article")
    expect(card.get_by_role("heading")).to_have_text("JivoChat")
    expect(card.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    expect(card.locator(".source")).to_contain_text("Privacy Policy“Legal Matters”archived 20 March 2015strong match")


def test_the_passage_around_the_evidence_marks_it(page: Page) -> None:
    ask(page, ACQUISITION)
    expect(page.locator(".around mark")).to_have_text(NOT_OBLIGATED)
    expect(page.locator(".around")).to_contain_text("In the event of a change of control of JIVOSITE")


def test_the_original_snapshot_is_linked_without_an_opener(page: Page) -> None:
    ask(page, ACQUISITION)
    link = page.get_by_role("article").get_by_role("link", name="original snapshot")
    assert link.get_attribute("href") == (
        "https://web.archive.org/web/20150320040234id_/https%3A//www.jivochat.com/privacy"
    )
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_the_score_is_a_word_with_the_number_in_its_title(page: Page) -> None:
    ask(page, ACQUISITION)
    expect(page.get_by_role("article").get_by_text("strong match")).to_have_attribute("title", "score 0.87 of 1")


def test_the_other_passages_are_folded(page: Page) -> None:
    ask(page, ACQUISITION)
    hidden = page.locator("details li").first
    expect(hidden).to_be_hidden()
    page.get_by_text("Other passages (4)").click()
    expect(hidden).to_be_visible()


def test_enter_asks_and_shift_enter_makes_a_new_line(page: Page) -> None:
    box = page.get_by_label("Your question")
    box.fill("does JivoChat tell")
    box.press("Shift+Enter")
    box.press_sequentially("me when sold?")
    expect(box).to_have_value("does JivoChat tell\nme when sold?")
    box.press("Enter")
    expect(page.get_by_role("article")).to_be_visible()
    expect(box).to_have_value("")
    expect(box).to_be_focused()


def test_a_suggested_question_is_asked_by_one_click(page: Page) -> None:
    page.get_by_role("button", name=ACQUISITION.replace("does", "Does")).click()
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")


def test_the_company_picked_is_sent_with_the_question(page: Page, assistant: FakeAssistant) -> None:
    page.get_by_label("Company").select_option("Mailigen")
    ask(page, "what is sold?")
    assert assistant.asked[-1]["companies"] == ["mailigen.com"]


def test_earlier_questions_are_sent_and_a_follow_up_shows_how_it_was_understood(
    page: Page, assistant: FakeAssistant
) -> None:
    ask(page, ACQUISITION)
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == [ACQUISITION]
    expect(page.get_by_text("Understood as:")).to_have_text(f"Understood as: {ACQUISITION} and is it sold?")


def test_starting_over_forgets_the_earlier_questions(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(".exchange")).to_have_count(0)
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == []


def test_a_policy_that_does_not_say_looks_different_and_shows_the_nearest(page: Page) -> None:
    ask(page, "can I download my data from Mailigen?")
    expect(page.locator(".note.not_stated").get_by_role("heading")).to_have_text("The policy of Mailigen does not say")
    expect(page.get_by_role("article")).to_have_count(0)
    expect(page.get_by_text("Nearest passages (5)")).to_be_visible()


def test_an_unknown_company_offers_the_nearest_names_as_buttons(page: Page) -> None:
    ask(page, "is Jivochta sold?")
    expect(page.locator(".note.unknown_company")).to_contain_text("No policy of Jivochta is in this index")
    page.get_by_role("button", name="JivoChat", exact=True).click()
    expect(page.locator(".asked").last).to_contain_text("is JivoChat sold?")
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")


def test_a_question_out_of_scope_is_told(page: Page) -> None:
    ask(page, "how is the weather?")
    expect(page.locator(".note.out_of_scope")).to_contain_text("This is not a question about a privacy policy")


def test_several_companies_get_a_block_each(page: Page) -> None:
    ask(page, "what if JivoChat and Mailigen are sold?")
    expect(page.locator(".blocks > *")).to_have_count(2)
    expect(page.locator(".blocks")).to_contain_text("The policy of Mailigen does not say")


def test_the_log_announces_politely(page: Page) -> None:
    log = page.get_by_role("log", name="Questions and answers")
    assert log.get_attribute("aria-live") == "polite"


def test_a_problem_of_the_service_is_told_in_words_and_the_question_is_kept(page: Page) -> None:
    ask(page, "explode")
    expect(page.locator(".note.failed")).to_contain_text("Something went wrong inside the service")
    expect(page.get_by_label("Your question")).to_have_value("explode")


def test_a_server_that_is_away_is_told_and_trying_again_asks_the_same(page: Page) -> None:
    page.route("**/v1/ask", lambda route: route.abort())
    ask(page, ACQUISITION)
    expect(page.locator(".note.failed")).to_contain_text("The server cannot be reached")
    expect(page.get_by_label("Your question")).to_have_value(ACQUISITION)
    page.unroute("**/v1/ask")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    expect(page.locator(".note.failed")).to_have_count(0)


def test_an_answer_that_is_no_problem_json_is_told_by_its_status(page: Page) -> None:
    page.route(
        "**/v1/ask", lambda route: route.fulfill(status=502, body="<b>Bad gateway</b>", content_type="text/html")
    )
    ask(page, ACQUISITION)
    expect(page.locator(".note.failed")).to_contain_text("The server answered with an error (502)")


def test_hostile_text_stays_text_and_a_script_address_is_no_link(page: Page) -> None:
    hostile = '<img src=x onerror="window.harmed=true"><script>window.harmed=true</script>'

    def poison(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        best = answer["passages"][0]
        best["segments"] = [{"text": hostile, "evidence": True}]
        best["company"]["name"] = best["policy"]["title"] = best["heading"] = best["lead_in"] = hostile
        best["policy"]["source_url"] = "javascript:window.harmed=true"
        answer["standalone_question"] = hostile
        answer["unknown_companies"] = [{"name": hostile, "nearest": [hostile]}]
        route.fulfill(response=response, json=answer)

    page.route("**/v1/ask", poison)
    ask(page, ACQUISITION)
    expect(page.get_by_role("blockquote")).to_have_text(f"“{hostile}”")
    expect(page.get_by_role("article").get_by_role("link")).to_have_count(0)
    assert page.evaluate("window.harmed") is None


def test_everything_can_be_reached_and_used_by_keyboard_alone(page: Page) -> None:
    focused = []
    for _ in range(9):
        page.keyboard.press("Tab")
        focused.append(
            page.evaluate(
                "(() => { const e = document.querySelector('askpolicy-chat').shadowRoot.activeElement;"
                " const name = e.getAttribute('role') || e.name || e.textContent;"
                " return getComputedStyle(e).outlineWidth === '3px' && name })()"
            )
        )
    assert (focused[0], focused[2], focused[6:]) == (
        "log",
        "Does JivoChat notify me on acquisition?",
        ["company", "question", "Ask"],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280, 3840])
def test_nothing_is_wider_than_the_screen(browser: Browser, address: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    ask(page, ACQUISITION)
    wider = page.evaluate(
        "(() => { const log = document.querySelector('askpolicy-chat').shadowRoot.querySelector('.log');"
        " return [document.documentElement.scrollWidth - innerWidth, log.scrollWidth - log.clientWidth] })()"
    )
    page.close()
    assert wider == [0, 0]


def test_the_log_scrolls_to_the_last_question_and_the_page_stays(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 600})
    for _ in range(4):
        ask(page, ACQUISITION)
    expect(page.locator(".asked p").last).to_be_in_viewport(ratio=1)
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]


def test_the_page_asks_nobody_else_for_anything(browser: Browser, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    ask(page, ACQUISITION)
    page.close()
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_page_and_widget_weigh_at_most_20_kb_gzipped() -> None:
    weights = [len(gzip.compress(path.read_bytes(), 9)) for path in WEB.iterdir()]
    assert sum(weights) <= 20_000
