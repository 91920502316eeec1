"""Misspelt words are mended, and what is no mistake stays."""

import pytest

from qa.question.spelling import Spelling

SPELLING = Spelling({"cookies": 5, "affiliates": 4, "address": 9, "addresses": 3, "unsubscribe": 2})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("can i turn cookys off", "can i turn cookies off"),
        ("affilates", "affiliates"),
        ("my adress?", "my address?"),
        ("how do I unsubcribe", "how do I unsubscribe"),
    ],
)
def test_a_misspelt_word_is_mended(typed: str, meant: str):
    assert SPELLING.corrected(typed) == meant


@pytest.mark.parametrize(
    "typed", ["who owns the house", "mail me at addres@s.com", "GDPR", "don't dont", "Xyzzyx", "api v2"]
)
def test_what_is_no_mistake_stays(typed: str):
    assert SPELLING.corrected(typed) == typed
