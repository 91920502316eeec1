"""The chat page in a real headless Chromium, against a real server."""

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.app import create_app
from api.guard.keys import add_key, remove_key
from api.settings import Settings
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, foreign_page, served, tiny_index
from tests.browser import violations

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
    page.set_default_timeout(30_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.locator(".suggested li")).to_have_count(1)
    yield page
    page.close()
    assert [complaint for complaint in complaints if "Failed to load resource" not in complaint] == []


def ask(page: Page, question: str) -> None:
    answers = page.locator(".answer").count()
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".answer")).to_have_count(answers + 1)


def pick(page: Page, company: str) -> None:
    page.get_by_role("combobox").click()
    page.get_by_role("option", name=company).click()


def test_an_answer_quotes_the_sentence_large_with_its_source(page: Page) -> None:
    ask(page, ACQUISITION)
    card = page.get_by_role("article")
    expect(card.get_by_role("heading")).to_have_text("JivoChat")
    expect(card.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    expect(card.locator(".source").first).to_contain_text(
        "Privacy Policy“Legal Matters”archived 20 March 2015, effective 17 October 2014"
    )


def test_the_passage_around_the_evidence_marks_it(page: Page) -> None:
    ask(page, ACQUISITION)
    expect(page.locator(".around")).to_be_hidden()
    page.get_by_text("The passage around it").click()
    expect(page.locator(".around mark")).to_have_text(NOT_OBLIGATED)
    expect(page.locator(".around")).to_contain_text("In the event of a change of control of JIVOSITE")


def test_the_original_snapshot_is_linked_without_an_opener(page: Page) -> None:
    ask(page, ACQUISITION)
    link = page.get_by_role("article").get_by_role("link", name="original snapshot")
    assert link.get_attribute("href") == (
        "https://web.archive.org/web/20150320040234id_/https%3A//www.jivochat.com/privacy"
        "#:~:text=We%20are%20not%20obligated%20to%20notify%20Web"
    )
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_the_score_is_a_word_with_the_number_in_its_title(page: Page) -> None:
    ask(page, ACQUISITION)
    expect(page.get_by_role("article").get_by_text("strong match")).to_have_attribute("title", "score 0.87 of 1")


def test_a_question_of_yes_or_no_is_answered_first(page: Page) -> None:
    ask(page, ACQUISITION)
    expect(page.locator(".verdict")).to_have_text("No")


def test_what_is_unclear_is_told_as_such(page: Page) -> None:
    def weaken(route: Route) -> None:
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        answer = response.json()
        answer["outcome"] = "unclear"
        answer["verdicts"][0] |= {"outcome": "unclear", "verdict": None, "probability": 0.3}
        route.fulfill(response=response, json=answer)

    page.route("**/v1/ask", weaken)
    ask(page, ACQUISITION)
    expect(page.locator(".card.unclear .verdict")).to_have_text("Unclear")
    expect(page.locator(".card.unclear")).to_contain_text("The policy may not say. This comes closest:")


def test_each_of_several_things_asked_has_its_answer(page: Page) -> None:
    def part(route: Route) -> None:
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        answer = response.json()
        said = answer["verdicts"][0]
        silent = said | {"outcome": "not_stated", "verdict": None, "quotes": [], "quotations": []}
        answer["parts"] = [
            {"question": "is it sold", "outcome": "answered", "answer": "No.", "verdicts": [said]},
            {"question": "and to whom?", "outcome": "not_stated", "answer": "", "verdicts": [silent]},
        ]
        route.fulfill(response=response, json=answer)

    page.route("**/v1/ask", part)
    ask(page, ACQUISITION)
    expect(page.locator(".part h3").first).to_have_text("is it sold")
    expect(page.locator(".part").last).to_contain_text("The policy of JivoChat does not say")


def test_companies_that_were_not_asked_yet_are_asked_on_demand(page: Page) -> None:
    asked = []

    def page_by_page(route: Route) -> None:
        asked.append(route.request.post_data_json.get("offset", 0))
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        route.fulfill(response=response, json=response.json() | {"next_offset": None if asked[1:] else 20})

    page.route("**/v1/ask", page_by_page)
    ask(page, "what if it is sold?")
    page.get_by_role("button", name="Ask more companies").click()
    expect(page.locator(".exchange")).to_have_count(2)
    expect(page.locator(".waiting")).to_have_count(0)
    assert asked == [0, 20]


def test_the_other_passages_are_folded(page: Page) -> None:
    ask(page, ACQUISITION)
    hidden = page.locator(".others li").first
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
    pick(page, "Mailigen")
    ask(page, "what is sold?")
    assert assistant.asked[-1]["companies"] == ["mailigen.com"]


def test_earlier_questions_are_sent_and_a_follow_up_shows_how_it_was_understood(
    page: Page, assistant: FakeAssistant
) -> None:
    ask(page, ACQUISITION)
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == [ACQUISITION]
    expect(page.locator(".understood")).to_have_text(f"Understood as: {ACQUISITION} and is it sold? Change")


def test_starting_over_forgets_the_earlier_questions(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(".exchange")).to_have_count(0)
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == []


def test_a_policy_that_does_not_say_looks_different_and_shows_the_nearest(page: Page) -> None:
    ask(page, "can I download my data from Mailigen?")
    expect(page.locator(".card.not_stated .verdict")).to_have_text("Not stated")
    expect(page.locator(".card.not_stated")).to_contain_text("The policy of Mailigen does not say.")
    expect(page.get_by_role("blockquote")).to_have_count(0)
    expect(page.get_by_text("Nearest passages (5)")).to_be_visible()


def test_an_unknown_company_offers_the_nearest_names_as_buttons(page: Page) -> None:
    ask(page, "is Jivochta sold?")
    expect(page.locator(".note.unknown_company")).to_contain_text("No policy of Jivochta is in this index")
    page.get_by_role("button", name="JivoChat", exact=True).click()
    expect(page.locator(".asked").last).to_contain_text("is JivoChat sold?")
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")


def answering(page: Page, **members: object) -> None:
    """Let the server answer whatever is asked with `members` in place of its own."""

    def other(route: Route) -> None:
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        route.fulfill(response=response, json=response.json() | members)

    page.route("**/v1/ask", other)


def test_small_talk_gets_its_reply(page: Page) -> None:
    reply = "Hello! Ask me what a company's privacy policy says."
    answering(page, outcome="out_of_scope", answer=reply, companies=[], passages=[], verdicts=[])
    ask(page, "hello")
    expect(page.locator(".reply")).to_have_text(reply)
    expect(page.locator(".note")).to_have_count(0)


def test_a_chat_limited_to_companies_says_whom_it_covers(page: Page) -> None:
    covers = "This chat covers JivoChat."
    unknown = [{"name": "Mailigen", "nearest": []}]
    answering(page, outcome="unknown_company", answer=covers, unknown_companies=unknown, companies=[], passages=[])
    page.evaluate("document.querySelector('askpolicy-chat').setAttribute('companies', 'JivoChat')")
    ask(page, "does Mailigen sell data?")
    expect(page.locator(".note.unknown_company")).to_have_text(covers)


def test_a_question_out_of_scope_is_told(page: Page) -> None:
    ask(page, "how is the weather?")
    expect(page.locator(".note.out_of_scope")).to_contain_text("This is not a question about a privacy policy")


def test_several_companies_get_a_row_each_silent_ones_included(page: Page) -> None:
    ask(page, "what if JivoChat and Mailigen are sold?")
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows.get_by_role("rowheader")).to_have_text(["JivoChat", "Mailigen"])
    expect(rows.locator(".verdict")).to_have_text(["No", "Not stated"])
    expect(rows.last).to_contain_text("The policy of Mailigen does not say")


def test_counts_come_before_the_companies_that_they_count(page: Page) -> None:
    numbers = {"matching": 1, "companies": 3, "asked": 2, "answered": 2, "no": 1, "yes": 0, "depends": 0, "unclear": 0}
    silent = {"not_stated": 0, "no_version": 0, "unsupported_language": 0}
    words = {"question": "is the company sold?", "seeks": "no", "complete": False}
    answering(page, counts=numbers | silent | words)
    ask(page, "what if JivoChat and Mailigen are sold?")
    expect(page.locator(".part")).to_contain_text("1 of 2 companies say no")
    expect(page.locator(".part")).to_contain_text("“is the company sold?” No: 1 · Something else: 1")
    expect(page.locator(".part")).to_contain_text("Only 2 of 3 companies could be asked in time.")


def test_a_list_is_quoted_as_a_list(page: Page) -> None:
    def listing(route: Route) -> None:
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        answer = response.json()
        answer["verdicts"][0]["quotations"][0]["pieces"] = ["We never collect:", "names;", "addresses."]
        route.fulfill(response=response, json=answer)

    page.route("**/v1/ask", listing)
    ask(page, ACQUISITION)
    expect(page.get_by_role("blockquote").get_by_role("listitem")).to_have_text(["names;", "addresses.”"])


def test_small_talk_is_no_address_and_no_part_of_the_next_question(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    before = page.url
    talk = {"outcome": "out_of_scope", "answer": "You are welcome.", "companies": [], "passages": [], "verdicts": []}
    answering(page, **talk)
    ask(page, "thanks")
    assert page.url == before
    page.unroute("**/v1/ask")
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == [ACQUISITION]


def test_a_link_to_a_follow_up_opens_as_it_was_understood(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    ask(page, "and is it sold?")
    link = page.url
    page.evaluate("sessionStorage.clear()")
    page.goto(f"{link}&as_of=2016-01-01")
    expect(page.locator(".answer")).to_have_count(1)
    expect(page.get_by_text("As of 1 January 2016")).to_be_visible()
    asked = assistant.asked[-1]
    assert (asked["question"], asked["companies"]) == (f"{ACQUISITION} and is it sold?", ["jivochat.com"])
    assert (asked["history"], asked["as_of"]) == ([], date(2016, 1, 1))


def test_what_follows_is_suggested_and_what_was_asked_is_not(page: Page) -> None:
    ask(page, ACQUISITION)
    follow_ups = page.locator(".follow-ups").get_by_role("button")
    expect(follow_ups).to_have_text(["What happens to my data if JivoChat is sold?"])
    follow_ups.click()
    expect(page.locator(".answer")).to_have_count(2)


def test_on_a_phone_the_composer_takes_less_than_a_sixth_of_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.locator("form").bounding_box()["height"] < 780 / 6


def test_each_answer_is_announced_once_politely_in_a_line(page: Page) -> None:
    log = page.get_by_role("log", name="Questions and answers")
    assert log.get_attribute("aria-live") == "polite"
    ask(page, ACQUISITION)
    expect(log.locator("> p")).to_have_text(
        f"JivoChat: No. “{NOT_OBLIGATED}”, Privacy Policy, archived 20 March 2015, effective 17 October 2014. "
        "4 other passages below."
    )
    ask(page, "is Jivochta sold?")
    expect(log.locator("> p")).to_have_text("No policy of Jivochta is in this index. Did you mean JivoChat?")
    # all else that comes into the log is silent
    others = "log => [...log.children].filter(each => each.tagName !== 'P').map(each => each.ariaLive)"
    assert set(log.evaluate(others)) == {"off"}


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
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        answer = response.json()
        best = answer["passages"][0]
        best["segments"] = [{"text": hostile, "evidence": True}]
        best["quotation"] = hostile
        best["company"]["name"] = best["policy"]["title"] = best["heading"] = best["lead_in"] = hostile
        best["policy"]["source_url"] = "javascript:window.harmed=true"
        said = answer["verdicts"][0]
        quotation = said["quotations"][0]
        quotation["text"] = said["company"]["name"] = quotation["policy"]["title"] = quotation["heading"] = hostile
        quotation["policy"]["source_url"] = "javascript:window.harmed=true"
        answer["standalone_question"] = hostile
        answer["unknown_companies"] = [{"name": hostile, "nearest": [hostile]}]
        route.fulfill(response=response, json=answer)

    page.route("**/v1/ask", poison)
    ask(page, ACQUISITION)
    expect(page.get_by_role("blockquote")).to_have_text(f"“{hostile}”")
    links = page.get_by_role("article").get_by_role("link").all()
    assert [(link.get_attribute("href") or "").split(":")[0] for link in links] == ["http"]
    assert page.evaluate("window.harmed") is None


def focused(page: Page) -> str:
    """What has the focus, where one can see that it has."""
    return page.evaluate(
        "(() => { const chat = document.querySelector('askpolicy-chat');"
        " const e = chat.shadowRoot.activeElement ?? document.activeElement;"
        " const name = e.getAttribute('aria-label') || e.id || e.textContent;"
        " return getComputedStyle(e).outlineWidth === '3px' ? name : `unseen: ${name}` })()"
    )


def test_everything_can_be_reached_and_used_by_keyboard_alone(page: Page) -> None:
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached == [
        *("Ask", "Compare", "Changes"),
        "Questions and answers",
        "Does JivoChat notify me on acquisition?",
        "company",
        "question",
        "Ask",
        "Start over",
    ]


def test_a_question_is_asked_read_and_followed_to_its_source_by_keyboard_alone(page: Page) -> None:
    for _ in range(6):
        page.keyboard.press("Tab")
    page.keyboard.type("jivo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_have_value("JivoChat")
    page.keyboard.press("Tab")  # what clears it
    page.keyboard.press("Tab")
    page.keyboard.type("what on acquisition?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    assert focused(page) == "question"
    page.get_by_role("link", name="Read it in the policy of JivoChat").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("mark")).to_have_text(NOT_OBLIGATED)


# The picker of companies


def test_the_picker_finds_a_company_by_any_of_its_names(page: Page) -> None:
    box = page.get_by_role("combobox")
    box.click()
    expect(page.get_by_role("option")).to_have_text(
        ["imgwg Communications", "JivoChat", "Mailigen", "MightyCall", "migme"]
    )
    box.fill("jivosite")
    expect(page.get_by_role("option")).to_have_text(["JivoChat"])
    expect(page.get_by_role("option")).to_have_attribute("aria-selected", "true")
    box.fill("nobody")
    expect(page.get_by_text("No such company here")).to_be_visible()
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("")


def test_the_picker_is_used_with_arrows(page: Page) -> None:
    box = page.get_by_role("combobox")
    box.focus()
    for _ in range(3):
        box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == page.get_by_role("option", selected=True).get_attribute("id")
    box.press("Enter")
    expect(box).to_have_value("JivoChat")
    page.get_by_role("button", name="Ask of all companies").click()
    expect(box).to_have_value("")
    expect(box).to_be_focused()


def test_a_company_typed_and_left_is_none(page: Page, assistant: FakeAssistant) -> None:
    page.get_by_role("combobox").fill("jiv")
    ask(page, "what is sold?")
    assert assistant.asked[-1]["companies"] == []
    expect(page.get_by_role("combobox")).to_have_value("")


# More companies than are listed at once


def few_at_once(page: Page) -> None:
    """Let the server list two companies where the page asks for as many as it lists."""
    page.route(
        "**/v1/companies?limit=200",
        lambda route: route.continue_(url=route.request.url.replace("limit=200", "limit=2")),
    )


@pytest.fixture
def crowded(browser: Browser, address: str) -> Iterator[Page]:
    """The chat page where two of five companies are listed."""
    page = browser.new_page()
    page.set_default_timeout(30_000)
    few_at_once(page)
    page.goto(address)
    expect(page.locator(".suggested li")).to_have_count(1)
    yield page
    page.close()


def test_a_company_that_is_not_listed_is_found_by_typing(crowded: Page, assistant: FakeAssistant) -> None:
    box = crowded.get_by_role("combobox")
    box.click()
    expect(crowded.get_by_role("option")).to_have_text(["imgwg Communications", "JivoChat"])
    expect(crowded.get_by_text("More; type to find them")).to_be_visible()
    box.press_sequentially("mig.me")
    expect(crowded.get_by_role("option")).to_have_text(["migme"])
    expect(crowded.get_by_text("type to find them")).to_have_count(0)
    box.press("Enter")
    ask(crowded, "what is sold?")
    assert assistant.asked[-1]["companies"] == ["mig.me"]
    box.fill("nobody")
    expect(crowded.get_by_role("listbox").get_by_text("No such company here")).to_be_visible()


def test_a_company_that_is_not_listed_is_chosen_by_its_whole_name(crowded: Page) -> None:
    box = crowded.get_by_role("combobox")
    box.fill("mailigen")
    crowded.get_by_label("Your question").focus()
    expect(box).to_have_value("Mailigen")


def test_a_link_names_a_company_that_is_not_listed(crowded: Page, address: str, assistant: FakeAssistant) -> None:
    crowded.goto(f"{address}/?q=what+is+sold%3F&company=mailigen.com")
    expect(crowded.locator(".asked")).to_contain_text("about Mailigen")
    expect(crowded.locator(".answer")).to_have_count(1)
    assert assistant.asked[-1]["companies"] == ["mailigen.com"]


def test_a_chat_about_companies_that_are_not_listed_knows_them(
    browser: Browser, assistant: FakeAssistant, address: str
) -> None:
    page = browser.new_page()
    few_at_once(page)
    page.route(
        address + "/",
        lambda route: route.fulfill(
            body='<script type="module" src="widget.js"></script>'
            '<askpolicy-chat companies="JivoChat, mig.me"></askpolicy-chat>',
            content_type="text/html",
        ),
    )
    page.goto(address)
    page.get_by_role("combobox").click()
    expect(page.get_by_role("option")).to_have_text(["JivoChat", "migme"])
    expect(page.get_by_text("type to find them")).to_have_count(0)
    ask(page, "what on acquisition?")
    assert assistant.asked[-1]["companies"] == ["jivochat.com", "mig.me"]
    page.close()


# Into the source, and back


def test_a_passage_opens_its_policy_at_the_passage_and_back_the_chat_is_as_it_was(page: Page, address: str) -> None:
    ask(page, "how is the weather?")
    ask(page, ACQUISITION)
    page.get_by_role("link", name="Read it in the policy of JivoChat").first.click()
    expect(page.locator("mark")).to_have_text(NOT_OBLIGATED)
    expect(page.locator("mark")).to_be_in_viewport()
    expect(page.locator(".passage")).to_contain_text("In the event of a change of control of JIVOSITE")
    expect(page.get_by_role("heading", level=1)).to_have_text("Privacy Policy")
    expect(page.locator("header .source")).to_contain_text("archived 20 March 2015")
    assert page.title() == "JivoChat: Privacy Policy · askpolicy"
    page.go_back()
    expect(page.locator(".answer")).to_have_count(2)
    expect(page.locator(".asked p").last).to_contain_text(ACQUISITION)
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")


def test_what_was_asked_before_going_to_the_source_is_followed_up_after(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    page.reload()
    expect(page.locator(".answer")).to_have_count(1)
    ask(page, "and is it sold?")
    assert assistant.asked[-1]["history"] == [ACQUISITION]


def test_another_tab_knows_nothing_of_the_chat(page: Page, browser: Browser, address: str) -> None:
    ask(page, ACQUISITION)
    other = browser.new_page()
    other.goto(address)
    expect(other.locator(".suggested li")).to_have_count(1)
    expect(other.locator(".exchange")).to_have_count(0)
    other.close()


def test_the_contents_of_a_policy_lead_to_its_headings(page: Page, address: str) -> None:
    page.goto(f"{address}/policies/jivochat.com--privacy-policy--2015-03-20")
    page.get_by_role("navigation", name="Contents").get_by_role("link", name="CONTACT US.").click()
    heading = page.get_by_role("heading", name="CONTACT US.")
    expect(heading).to_be_in_viewport()
    expect(heading).to_be_focused()


def test_a_policy_that_is_not_there_is_told(page: Page, address: str) -> None:
    page.goto(f"{address}/policies/nobody")
    expect(page.get_by_role("alert")).to_contain_text("There is no such policy here")
    page.get_by_role("link", name="Back to the questions").click()
    expect(page.locator(".suggested li")).to_have_count(1)


def test_an_address_is_a_question_that_can_be_shared(page: Page, browser: Browser, address: str) -> None:
    pick(page, "JivoChat")
    ask(page, "what on acquisition?")
    assert page.url == f"{address}/?q=what+on+acquisition%3F&company=jivochat.com"
    other = browser.new_page()
    other.goto(page.url)
    expect(other.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")
    expect(other.get_by_role("combobox")).to_have_value("JivoChat")
    other.close()


def test_a_citation_is_copied(browser: Browser, address: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(address)
    ask(page, ACQUISITION)
    page.get_by_role("button", name="Copy as a citation").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"“{NOT_OBLIGATED}” — JivoChat, Privacy Policy, “Legal Matters”, "
        "archived 20 March 2015, effective 17 October 2014. "
        "https://web.archive.org/web/20150320040234id_/https%3A//www.jivochat.com/privacy"
    )
    page.get_by_role("button", name="Copy a link to this answer").click()
    expect(page.get_by_role("button", name="Copied")).to_have_count(2)
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"{address}/?q=does+JivoChat+notify+me+on+acquisition%3F&company=jivochat.com"
    )
    context.close()


# Follow-ups, stopping


def test_how_a_follow_up_was_understood_can_be_corrected(page: Page, assistant: FakeAssistant) -> None:
    ask(page, ACQUISITION)
    ask(page, "and is it sold?")
    page.get_by_role("button", name="Change").click()
    box = page.get_by_label("Your question")
    expect(box).to_be_focused()
    expect(box).to_have_value(f"{ACQUISITION} and is it sold?")
    expect(page.get_by_text("asked on its own")).to_be_visible()
    box.fill("is Mailigen sold?")
    box.press("Enter")
    expect(page.locator(".answer")).to_have_count(3)
    assert (assistant.asked[-1]["question"], assistant.asked[-1]["history"]) == ("is Mailigen sold?", [])


def test_a_question_is_stopped_and_nothing_typed_is_lost(page: Page) -> None:
    page.route("**/v1/ask", lambda route: None)  # nobody ever answers
    page.get_by_label("Your question").fill(ACQUISITION)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".note.stopped")).to_contain_text("You stopped this question")
    expect(page.get_by_label("Your question")).to_have_value(ACQUISITION)
    expect(page.get_by_label("Your question")).to_be_focused()
    page.unroute("**/v1/ask")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("blockquote")).to_have_text(f"“{NOT_OBLIGATED}”")


def test_while_the_server_streams_it_is_told_whose_policy_is_read(page: Page) -> None:
    step = {"companies": [{"name": "JivoChat"}], "unknown_companies": []}
    page.add_init_script(
        "const real = window.fetch; window.fetch = (url, options) => String(url).endsWith('v1/ask')"
        " ? Promise.resolve(new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("
        f"'event: companies\\ndata: {json.dumps(step)}\\n\\n')) }} }}),"
        " { headers: { 'content-type': 'text/event-stream' } })) : real(url, options)"
    )
    page.reload()
    expect(page.locator(".suggested li")).to_have_count(1)
    page.get_by_label("Your question").fill(ACQUISITION)
    page.keyboard.press("Enter")
    expect(page.locator(".waiting")).to_have_text("Reading what JivoChat says")


# When things go wrong


@pytest.mark.parametrize(
    ("status", "slug", "headers", "words"),
    [
        (
            429,
            "too-many-requests",
            {"Retry-After": "12"},
            ["Too many questions in a short time", "Ask again in 12 seconds."],
        ),
        (503, "busy", {"Retry-After": "1"}, ["A problem", "Ask again in 1 second."]),
        (401, "key-missing", {}, ["This chat needs a token", "a token made for its address"]),
        (401, "key-unknown", {}, ["The token of this chat is not known", "It may have been revoked"]),
        (401, "key-expired", {}, ["The token of this chat has expired", "gives the chat a new one"]),
        (
            403,
            "foreign-origin",
            {},
            ["The token of this chat is for another page", "a token made for http://127.0.0.1"],
        ),
        (403, "key-scope", {}, ["This chat may not ask here", "Whoever runs this page can give it a token"]),
        (404, "not-found", {}, ["The server is older than this chat", "updates askpolicy"]),
        (422, "bad-question", {}, ["A problem", "what is wrong with it"]),
    ],
)
def test_each_refusal_is_told_in_words_and_nothing_typed_is_lost(
    page: Page, status: int, slug: str, headers: dict[str, str], words: list[str]
) -> None:
    told = {"type": f"/problems/{slug}", "title": "A problem", "status": status, "detail": "what is wrong with it"}
    answer = {
        "status": status,
        "body": json.dumps(told),
        "content_type": "application/problem+json",
        "headers": headers,
    }
    page.route("**/v1/ask", lambda route: route.fulfill(**answer))
    ask(page, ACQUISITION)
    for each in words:
        expect(page.locator(".note.failed")).to_contain_text(each)
    expect(page.get_by_label("Your question")).to_have_value(ACQUISITION)
    expect(page.get_by_role("log").locator("> p")).to_contain_text(words[0])


def test_a_server_that_takes_too_long_is_told(page: Page) -> None:
    page.clock.install()
    page.reload()
    expect(page.locator(".suggested li")).to_have_count(1)
    page.route("**/v1/ask", lambda route: None)
    page.get_by_label("Your question").fill(ACQUISITION)
    page.keyboard.press("Enter")
    expect(page.locator(".waiting")).to_be_visible()
    page.clock.run_for(30_001)
    expect(page.locator(".note.failed")).to_contain_text("The server takes too long")
    expect(page.get_by_label("Your question")).to_have_value(ACQUISITION)


def test_a_stream_that_breaks_off_is_told(page: Page) -> None:
    page.route(
        "**/v1/ask",
        lambda route: route.fulfill(
            body='event: companies\ndata: {"companies": []}\n\n', content_type="text/event-stream"
        ),
    )
    ask(page, ACQUISITION)
    expect(page.locator(".note.failed")).to_contain_text("The answer was cut off")


def test_a_problem_within_a_stream_is_told(page: Page) -> None:
    ask(page, "answer, then burst")
    expect(page.locator(".note.failed")).to_contain_text("Something went wrong inside the service")


def test_companies_that_cannot_be_listed_are_told_and_listed_on_trying_again(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.route("**/v1/companies?*", lambda route: route.abort())
    page.goto(address)
    expect(page.locator(".note.failed")).to_contain_text("The server cannot be reached")
    page.unroute("**/v1/companies?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".suggested li")).to_have_count(1)
    expect(page.locator(".note.failed")).to_have_count(0)
    page.close()


# On other people's pages


STRICT = "default-src 'none'; script-src {server}; connect-src {server}; require-trusted-types-for 'script'"


def test_a_list_that_is_opened_before_the_companies_are_known_gets_them(browser: Browser, address: str) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/v1/companies?*", lambda route: held.append(route))  # noqa: PLW0108 - a built-in has no name
    page.goto(address)
    page.get_by_role("combobox").click()
    expect(page.get_by_role("listbox").get_by_text("The companies are not known yet")).to_be_visible()
    held.pop().continue_()
    expect(page.get_by_role("option", name="JivoChat")).to_be_visible()
    page.close()


def test_one_tag_embeds_the_chat_in_a_foreign_page_under_a_strict_policy(
    browser: Browser, assistant: FakeAssistant, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    token = add_key(keys, "shop", origins=["http://localhost:1"])
    settings = Settings(keys=keys, hosts=("127.0.0.1",))
    with served(create_app(assistant, settings), settings) as server:
        tag = (
            f'<script type="module" src="{server}/widget.js"></script>'
            '<askpolicy-chat companies="JivoChat, mailigen.com" theme="dark" greeting="Ask us" '
            f'token="{token}"></askpolicy-chat>'
        )
        with foreign_page({"Content-Security-Policy": STRICT.format(server=server)}) as foreign:
            shop = foreign.address
            foreign.content = (
                "<!doctype html><html lang=en><title>Shop</title><style>button { color: red !important }</style>" + tag
            )
            page = browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.goto(shop)
            # its token is for another shop
            expect(page.locator(".note.failed")).to_contain_text("This page may not ask here")
            remove_key(keys, "shop")
            own = add_key(keys, "shop", origins=[shop])
            time.sleep(1.2)
            complaints.clear()
            page.evaluate(f"document.querySelector('askpolicy-chat').setAttribute('token', '{own}')")
            expect(page.get_by_role("heading", name="Ask us")).to_be_visible()
            expect(page.locator(".welcome")).to_contain_text("This chat covers JivoChat and Mailigen.")
            page.get_by_role("combobox").click()
            expect(page.get_by_role("option")).to_have_text(["JivoChat", "Mailigen"])
            ask(page, "what on acquisition?")
            expect(page.get_by_role("blockquote").first).to_have_text(f"“{NOT_OBLIGATED}”")
            assert assistant.asked[-1]["companies"] == ["jivochat.com", "mailigen.com"]
            link = page.get_by_role("link", name="Read it in the policy of JivoChat").first
            assert link.get_attribute("target") == "_blank"
            assert (link.get_attribute("href") or "").startswith(f"{server}/policies/")
            chip = page.get_by_role("button", name="Copy as a citation").first
            assert chip.evaluate("e => getComputedStyle(e).color") == "rgb(127, 208, 200)"
            assert page.url == f"{shop}/"
            assert complaints == []
            page.close()


def test_a_chat_about_one_company_needs_no_picker(browser: Browser, assistant: FakeAssistant, address: str) -> None:
    page = browser.new_page()
    page.route(
        address + "/",
        lambda route: route.fulfill(
            body='<script type="module" src="widget.js"></script>'
            '<askpolicy-chat companies="JivoChat"></askpolicy-chat>',
            content_type="text/html",
        ),
    )
    page.goto(address)
    expect(page.locator(".suggested li")).to_have_count(2)
    expect(page.get_by_role("combobox")).to_be_hidden()
    ask(page, "what on acquisition?")
    assert assistant.asked[-1]["companies"] == ["jivochat.com"]
    page.close()


# For everyone


STATES = {
    "greeting": lambda page, address: None,
    "answered": lambda page, address: ask(page, ACQUISITION),
    "several": lambda page, address: ask(page, "what if JivoChat and Mailigen are sold?"),
    "folded out": lambda page, address: (ask(page, ACQUISITION), page.get_by_text("Other passages (4)").click()),
    "not stated": lambda page, address: ask(page, "can I download my data from Mailigen?"),
    "unknown company": lambda page, address: ask(page, "is Jivochta sold?"),
    "out of scope": lambda page, address: ask(page, "how is the weather?"),
    "follow-up": lambda page, address: (
        ask(page, ACQUISITION),
        ask(page, "and is it sold?"),
        page.get_by_role("button", name="Change").click(),
    ),
    "failed": lambda page, address: ask(page, "explode"),
    "waiting": lambda page, address: (
        page.route("**/v1/ask", lambda route: None),
        page.get_by_label("Your question").fill("slow"),
        page.keyboard.press("Enter"),
        expect(page.locator(".waiting")).to_be_visible(),
    ),
    "picking": lambda page, address: (page.get_by_role("combobox").click(), page.keyboard.press("ArrowDown")),
    "picked": lambda page, address: pick(page, "Mailigen"),
    "policy": lambda page, address: (
        page.goto(f"{address}/policies/jivochat.com--privacy-policy--2015-03-20?passage=8515-9262&evidence=8916-8986"),
        expect(page.locator("mark")).to_be_visible(),
    ),
    "no policy": lambda page, address: (
        page.goto(f"{address}/policies/nobody"),
        expect(page.get_by_role("alert")).to_be_visible(),
    ),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_no_violation(browser: Browser, address: str, axe: str, state: str, scheme: str) -> None:
    # what it evaluates in the page is its own; the policy that the page is served with forbids that to everybody
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    expect(page.locator(".suggested li")).to_have_count(1)
    STATES[state](page, address)
    assert violations(page, axe) == []
    context.close()


def test_axe_finds_no_violation_on_a_phone(browser: Browser, address: str, axe: str) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    ask(page, "what if JivoChat and Mailigen are sold?")
    assert violations(page, axe) == []
    expect(page.get_by_role("combobox", name="Company")).to_be_visible()
    context.close()


def test_axe_finds_what_is_wrong(browser: Browser, address: str, axe: str) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(address)
    page.evaluate("document.querySelector('askpolicy-chat').shadowRoot.querySelector('label[for=question]').remove()")
    page.evaluate("document.querySelector('askpolicy-chat').shadowRoot.querySelector('textarea').placeholder = ''")
    assert "label" in [rule for rule, _ in violations(page, axe)]
    context.close()


def test_in_forced_colours_the_evidence_still_stands_out(browser: Browser, address: str) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(address)
    ask(page, ACQUISITION)
    page.get_by_text("The passage around it").click()
    colours = page.locator(".around mark").evaluate(
        "mark => [mark, mark.parentElement].map(each => getComputedStyle(each).backgroundColor)"
    )
    assert colours[0] != colours[1]
    context.close()


def test_nothing_moves_for_who_wants_no_motion(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.route("**/v1/ask", lambda route: None)
    page.goto(address)
    page.get_by_label("Your question").fill("slow")
    page.keyboard.press("Enter")
    assert page.locator(".waiting").evaluate("e => getComputedStyle(e).animationName") == "none"
    context.close()


def test_what_can_be_clicked_is_large_enough_to_be_hit(page: Page) -> None:
    ask(page, ACQUISITION)
    pick(page, "Mailigen")
    boxes = [button.bounding_box() for button in page.get_by_role("button").all() if button.is_visible()]
    assert [box for box in boxes if box["width"] < 24 or box["height"] < 24] == []


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


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_all_that_a_page_loads_of_the_chat_weighs_at_most_25_kb_as_served(
    browser: Browser, address: str, language: str
) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("response", lambda response: loaded.append(response.url))
    with_language = f'<askpolicy-chat page lang="{language}">'
    index = (WEB / "index.html").read_text(encoding="utf-8").replace("<askpolicy-chat page>", with_language)
    page.route(f"{address}/", lambda route: route.fulfill(body=index, content_type="text/html"))
    page.goto(address)
    expect(page.locator(".suggested li")).to_have_count(1)
    page.close()
    files = [url for url in loaded if "/v1/" not in url and not url.startswith("data:")]
    weights = [int(httpx.get(url, headers={"Accept-Encoding": "gzip"}).headers["content-length"]) for url in files]
    assert any("/widget/" in url for url in files) == (language != "en")
    assert sum(weights) <= 25_000
