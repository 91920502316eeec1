"""A real headless Chromium for tests, and axe-core; where there is none, they are skipped, and in CI they fail."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

# The shell is Chromium without a window of its own: a page takes a third of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


LOOKS = ("light", "dark", "forced", "phone")
"""How a page is looked at, for `in_look`."""


def in_look(browser: Browser, look: str) -> BrowserContext:
    """A context of its own, one of `LOOKS`, into which axe may be loaded."""
    return browser.new_context(
        bypass_csp=True,
        reduced_motion="reduce",
        color_scheme="dark" if look == "dark" else "light",
        forced_colors="active" if look == "forced" else "none",
        viewport={"width": 320, "height": 640} if look == "phone" else {"width": 1280, "height": 900},
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail(
                "Chromium is missing: the chat must be tested in CI; run `apt-get install -y chromium-headless-shell`"
            )
        pytest.skip("Chromium is missing: run `apt-get install -y chromium-headless-shell`")
    # a slow machine is no fault: whatever is expected has this long to come
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    script = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("axe-core is missing: run `npm ci --prefix tests`")
        pytest.skip("axe-core is missing: run `npm ci --prefix tests`")
    return script.read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong, by rule."""
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })"
    )
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]
