"""What is no policy is refused with its reason, and no policy is refused, however short it is."""

import pytest

from index.parsing.markdown import parse_markdown
from index.parsing.quality import why_no_policy


def why_not(text: str, *, language: str = "en") -> str | None:
    return why_no_policy(parse_markdown(text.encode(), path="a.md"), language=language)


@pytest.mark.parametrize(
    "page",
    [
        "# Privacy Policy\n",
        "Privacy Policy\n\nTerms\n\nContact\n",
        "# Country/Region\n\nAfghanistan (+93)Albania (+355)\n\nWe’ll text you to confirm your number.\n\nContinue\n",
        "# Sign in\n\nPlease sign in with your password to continue.\n\nForgot your password? Create a new account.\n",
        "# 404\n\nSorry, we could not find the page that you tried to reach. Go back to the homepage.\n",
        "Checking your browser before you continue. Please enable JavaScript and reload the page.\n",
        "Something went wrong. Please try again later.\n" * 60,
        "".join(f"* {name}\n" for name in ("Home", "Features", "Jobs", "Blog", "Pricing", "Support") * 8)
        + "\n© 2021 Acme.com, Inc. All rights reserved.\n",
        "Einstellungen\n\nHilfe\n\nKontakt\n",
    ],
    ids=[
        "title",
        "menu",
        "countries",
        "log-in",
        "not found",
        "robots",
        "repeated",
        "menu with a footer",
        "German menu",
    ],
)
def test_a_page_that_is_no_policy_is_told(page: str):
    assert why_not(page)


@pytest.mark.parametrize(
    "policy",
    [
        "We keep voice recordings for ten days.\n",
        "Our cookies last for ten days.\n",
        "# Privacy FAQ\n\n**Do you sell my data?**\n\nNo.\n\n**Do you record calls?**\n\nNever.\n",
        "| Data | Kept for |\n|---|---|\n| Logs | 90 days |\n",
        "We never collect:\n\n- your location\n- your contacts\n",
        "Sleep scores are never sold.\n",
        "We suspend accounts that send spam.\n",
        "You may download a copy of your data from the settings page, or ask us for one.\n",
        "If we cannot verify you, we do not answer your request to delete your account.\n",
    ],
)
def test_a_short_policy_is_one(policy: str):
    assert why_not(policy) is None


def test_words_of_other_languages_are_not_judged():
    assert why_not("Wir verkaufen keine Daten. Bitte melden Sie sich an.\n", language="de") is None
    assert why_not("我们不出售您的数据。\n", language="zh") is None
