"""Takes the README's pictures of the running product: `make screenshots`.

It serves the sample policies as a person would, opens page and widget in Chromium, and writes to tests/screenshots/.
"""

import io
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from api.app import create_app
from api.settings import Settings
from qa.assistant import Assistant
from tests.api_support import foreign_page, served, serving
from tests.browser import CHROMIUM, FLAGS
from tests.pages_support import vendors_index
from tests.tiny import TinyEmbedder

OUT = Path(__file__).parent / "screenshots"
SIZES = {"desktop": (1280, 860), "phone": (390, 780)}
SHOP = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Blue Kettle</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1.5rem; font: 1rem/1.6 Georgia, serif}}
askpolicy-chat {{ border: 1px solid gray; border-radius: .7rem; overflow: hidden; height: 33rem }}</style>
<h1>Blue Kettle</h1><p>We compare tools for small shops. Here is what their privacy policies say; ask for yourself.</p>
<script type="module" src="{server}/widget.js"></script>
<askpolicy-chat companies="JivoChat, Mailigen" greeting="Ask what they do with your data"></askpolicy-chat>
"""

LAUNCHED = """() => {
  document.querySelector('askpolicy-chat').remove();
  const chat = document.createElement('askpolicy-chat');
  for (const [name, value] of [['launcher', ''], ['lang', 'de']]) chat.setAttribute(name, value);
  document.body.append(chat);
}"""


def ask(page: Page, question: str) -> None:
    """Ask and wait for the answer."""
    answers = page.locator(".answer").count()
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_have_count(answers + 1)


def take(browser: Browser, server: str, history: str, embedding: str) -> None:
    """All pictures, in both sizes and both schemes; `history` serves a company of several versions."""
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            page = context.new_page()

            def shot(name: str, *, of: Page = page, end: str = f"-{size}-{scheme}.png") -> None:
                taken = Image.open(io.BytesIO(of.screenshot()))
                # a third of the size, and no eye sees it
                taken.convert("RGB").quantize(192).save(OUT / f"{name}{end}", optimize=True)

            page.goto(server)
            expect(page.locator(".suggested li")).to_have_count(5)
            shot("greeting")
            ask(page, "does JivoChat notify me on acquisition?")
            shot("answer")
            ask(page, "and do MightyCall and migme?")
            shot("several")
            ask(page, "which companies share data with third parties?")
            shot("counts")
            ask(page, "thanks")
            ask(page, "does migme use my fingerprints?")
            ask(page, "does Facebook sell my data?")
            shot("outcomes")
            page.get_by_role("link", name="Read it in the policy of JivoChat").first.click()
            expect(page.locator("mark").first).to_be_visible()
            shot("policy")
            page.goto(f"{server}/compare")
            page.get_by_role("combobox", name="Add a company").fill("m")
            expect(page.get_by_role("option").first).to_be_visible()
            shot("compare-form")
            page.goto(f"{server}/compare?checklist=consumer")
            expect(page.locator("td.waiting")).to_have_count(0)
            expect(page.locator(".progress progress")).to_be_hidden(timeout=60_000)
            shot("compare")
            page.locator("td.is-no button, td.is-depends button").first.click()
            shot("compare-evidence")
            page.goto(f"{history}/timeline?company=pebblemail")
            expect(page.locator("ins").first).to_be_visible()
            shot("timeline")
            page.goto(embedding)
            expect(page.locator(".suggested li")).to_have_count(2)
            ask(page, "how can I stop their emails?")
            shot("widget")
            page.evaluate("sessionStorage.clear()")
            page.evaluate(LAUNCHED)
            page.get_by_role("button", name="Fragen zu unserer Datenschutzerklärung").click()
            page.get_by_role("textbox").last.fill("does JivoChat notify me on acquisition?")
            page.keyboard.press("Enter")
            expect(page.locator(".verdict")).to_have_text("Nein")
            shot("launcher")
            context.close()


def main() -> None:
    """Take them all anew."""
    OUT.mkdir(exist_ok=True)
    for old in OUT.glob("*.png"):
        old.unlink()
    with (
        TemporaryDirectory() as folder,
        foreign_page() as shop,
        served(create_app(Assistant(vendors_index(Path(folder)), TinyEmbedder()), Settings())) as history,
        serving("--log-level", "error", "--origins", shop.address) as (server, _),
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser,
    ):
        shop.content = SHOP.format(server=server)
        take(browser, server, history, shop.address)


if __name__ == "__main__":
    main()
