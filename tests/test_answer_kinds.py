"""A question for a time, a place, an address or an age is not answered by a text that holds none."""

import pytest

from qa.answer_kinds import lacks_what_is_asked


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("how long do you keep logs", "We keep logs for 30 days."),
        ("retention period", "We may retain personal information for as long as we have a business need for it."),
        ("where are your servers", "We process personal information on our servers in the United States of America."),
        ("what is the mailing address", "Infratel Inc.\n1424 4th Ave\nSeattle, WA 98101"),
        ("how old must I be", "not intended for children under the age of 18"),
        ("do you sell data", "We like cookies."),
    ],
)
def test_what_is_asked_is_there(question: str, text: str):
    assert not lacks_what_is_asked(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("how long do cookies stay", "Cookies are small files on your computer."),
        ("which country are your servers in", "We keep your data on secure servers."),
        ("what is your phone number", "We value your privacy."),
        ("what is the minimum age", "We protect the privacy of the very young."),
    ],
)
def test_what_is_asked_is_lacking(question: str, text: str):
    assert lacks_what_is_asked(question, text)
