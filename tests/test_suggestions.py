"""What is suggested is answered well: `qa.suggestions` and `/v1/suggestions`."""

import httpx
import pytest

from tests.api_support import ACQUISITION, FakeAssistant, client, problem, tiny_index


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


def questions(response: httpx.Response) -> list[str]:
    return [each["question"] for each in response.json()["suggestions"]]


def test_what_is_suggested_was_asked_and_answered_well(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        told = asking.get("/v1/suggestions")
    assert questions(told) == [ACQUISITION.replace("does", "Does")]
    assert told.json()["suggestions"][0]["company"] == {"id": "jivochat.com", "name": "JivoChat"}


def test_suggestions_about_one_company_are_all_about_it(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        told = asking.get("/v1/suggestions", params={"company": "JivoChat"})
        silent = asking.get("/v1/suggestions", params={"company": "Mailigen"})
    assert questions(told) == [
        "Does JivoChat notify me on acquisition?",
        "What happens to my data if JivoChat is sold?",
    ]
    assert questions(silent) == []


def test_a_company_that_is_not_here_is_a_problem(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        response = asking.get("/v1/suggestions", params={"company": "Nobody"})
    assert problem(response) == (422, "/problems/unknown-company")


def test_suggestions_are_made_once_for_a_version(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        first = asking.get("/v1/suggestions")
        again = asking.get("/v1/suggestions", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
