"""The page /timeline in a real headless Chromium, against a real server."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.app import create_app
from api.settings import Settings
from qa.assistant import Assistant
from tests.api_support import served
from tests.browser import LOOKS, in_look, violations
from tests.pages_support import HOSTILE, vendors_index
from tests.tiny import TinyEmbedder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assistant = Assistant(vendors_index(tmp_path_factory.mktemp("vendors")), TinyEmbedder())
    with served(create_app(assistant, Settings())) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The timeline of Pebblemail; whatever the browser complains of fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/timeline?company=pebblemail")
    expect(page.locator(".version")).to_have_count(3)
    yield page
    page.close()
    assert [complaint for complaint in complaints if "Failed to load resource" not in complaint] == []


def test_versions_that_say_something_new_are_listed_the_newest_first(page: Page) -> None:
    assert [" ".join(each.split()) for each in page.locator(".version summary").all_inner_texts()] == [
        "1 February 2022 Privacy Policy 1 reworded, 2 added",
        "1 February 2021 Privacy Policy 1 reworded",
        "1 February 2020 Privacy Policy first version here",
    ]


def test_both_texts_stand_side_by_side_with_changed_words_marked(page: Page) -> None:
    reworded = page.locator(".version").first.locator(".is-reworded")
    expect(reworded.get_by_role("heading")).to_contain_text("Reworded under “Storage”")
    expect(reworded.locator("del")).to_have_text("nine")
    expect(reworded.locator("ins")).to_have_text("two")
    before, after = (each.bounding_box() for each in reworded.locator(".side").all())
    assert before
    assert after
    assert before["y"] == after["y"]
    assert before["x"] + before["width"] < after["x"]


def test_the_words_read_as_they_stand_in_the_policy(page: Page) -> None:
    words = page.locator(".version").first.locator(".is-reworded .words")
    expect(words.last).to_have_text("We keep recordings of your voice for two days.")


def test_a_passage_leads_into_the_policy(page: Page) -> None:
    page.locator(".is-reworded").first.get_by_role("link", name="In the policy after").click()
    expect(page.locator(".passage").first).to_contain_text("for two days")


def test_an_older_version_opens_and_the_address_reproduces_it(page: Page) -> None:
    page.locator(".version").nth(1).locator("summary").click()
    expect(page.locator(".version").nth(1).locator("ins")).to_have_text("nine")
    page.wait_for_url("**version=**")
    page.reload()
    expect(page.locator(".version").nth(1).locator("ins")).to_have_text("nine")
    expect(page.locator(".version").first.locator(".body")).to_be_hidden()


def test_technical_changes_are_told_apart_and_listed_on_demand(page: Page, address: str) -> None:
    page.get_by_label("List technical changes too").check()
    page.wait_for_url("**technical=true**")
    expect(page.locator(".version")).to_have_count(3)
    told = httpx.get(f"{address}/v1/changes", params={"company": "pebblemail", "technical": True}).json()["changes"]
    technical = sum(passage["kind"] == "technical" for passage in told[0]["passages"])
    expect(page.locator(".version").first.locator(".is-technical")).to_have_count(technical)


def test_another_company_is_found_as_one_types(page: Page) -> None:
    box = page.get_by_role("combobox", name="Company")
    box.fill("vendor 1")
    page.get_by_role("option", name="Vendor 12").click()
    expect(page.get_by_role("heading", name="Vendor 12")).to_be_focused()
    expect(page.get_by_text("The index has one version")).to_have_count(2)
    assert "company=" in page.url


def test_a_company_that_is_not_here_is_told_with_the_nearest(page: Page, address: str) -> None:
    page.goto(f"{address}/timeline?company=Pebblemial")
    expect(page.locator(".note.failed")).to_contain_text("No such company is in the index")
    page.locator(".note.failed").get_by_role("button", name="Pebblemail").click()
    expect(page.locator(".version")).to_have_count(3)


def test_verdicts_that_flipped_are_shown_where_the_service_tells_them(page: Page) -> None:
    def flip(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        said = {"verdict": "no", "quotations": [{"text": "We never sell your address."}]}
        now = {"verdict": "yes", "quotations": [{"text": HOSTILE}]}
        body["changes"][0]["flips"] = [{"question": "do they sell my data?", "before": said, "after": now}]
        route.fulfill(response=response, json=body)

    page.route("**/v1/changes?*", flip)
    page.get_by_label("Checklist for flipped verdicts").select_option("consumer")
    expect(page.locator(".version summary").first).to_contain_text("1 verdict flipped")
    shown = page.locator(".is-flip")
    expect(shown).to_contain_text("Verdict flipped: do they sell my data?")
    expect(shown.locator(".side").first).to_contain_text("Before: No")
    expect(shown.get_by_role("blockquote").last).to_have_text(f"“{HOSTILE}”")


def test_older_versions_are_asked_for_and_the_focus_goes_to_them(page: Page, address: str) -> None:
    whole = httpx.get(f"{address}/v1/changes", params={"company": "pebblemail"}).json()

    def two_pages(route: Route) -> None:
        later = "after=x" in route.request.url
        changes = whole["changes"][2:] if later else whole["changes"][:2]
        route.fulfill(body=json.dumps(whole | {"changes": changes, "next": None if later else "x"}))

    page.route("**/v1/changes?*", two_pages)
    page.reload()
    expect(page.locator(".version")).to_have_count(2)
    page.get_by_role("button", name="Older versions").click()
    expect(page.locator(".version")).to_have_count(3)
    expect(page.locator(".version summary").last).to_be_focused()


def test_a_failure_is_told_and_tried_again(page: Page) -> None:
    page.route("**/v1/changes?*", lambda route: route.abort())
    page.reload()
    expect(page.locator(".note.failed")).to_contain_text("The server cannot be reached")
    page.unroute("**/v1/changes?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".version")).to_have_count(3)


def test_whatever_a_policy_says_stays_text(page: Page, address: str) -> None:
    told = httpx.get(f"{address}/v1/changes", params={"company": "pebblemail"}).json()
    for policy in (told["changes"][0]["before"], told["changes"][0]["after"]):
        policy |= {"title": HOSTILE, "source_url": "javascript:document.title='taken over'"}
    reworded = told["changes"][0]["passages"][0]
    for side in (reworded["before"], reworded["after"]):
        side |= {"heading": HOSTILE, "segments": [{"text": HOSTILE, "changed": changed} for changed in (True, False)]}
    page.route("**/v1/changes?*", lambda route: route.fulfill(body=json.dumps(told)))
    page.reload()
    expect(page.locator("ins").first).to_have_text(HOSTILE)
    expect(page.locator(".version summary").first).to_contain_text(HOSTILE)
    assert page.locator("main img, main script, a[href^='javascript']").count() == 0
    assert "taken over" not in page.title()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("asked", ["", "?company=pebblemail", "?company=nobody"])
def test_axe_finds_no_violation(browser: Browser, address: str, axe: str, asked: str, look: str) -> None:
    context = in_look(browser, look)
    page = context.new_page()
    page.goto(f"{address}/timeline{asked}")
    ready = {"": ".hint", "?company=pebblemail": "ins >> nth=0", "?company=nobody": ".note.failed"}[asked]
    expect(page.locator(ready)).to_be_visible()
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    context.close()


def test_the_pages_lead_to_each_other(page: Page, address: str) -> None:
    page.goto(address)
    for name, path in (("Compare", "/compare"), ("Changes", "/timeline"), ("Ask", "/")):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_url(f"{address}{path}")
    page.goto(f"{address}/compare?company=Pebblemail&q=do+they+sell+my+address%3F")
    page.locator("td button").first.click()
    page.get_by_role("link", name="Changes over time at Pebblemail").click()
    expect(page.locator(".version")).to_have_count(3)
