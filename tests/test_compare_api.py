"""`/v1/compare` over a real server: cells, pages, events, limits and problems."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.wire.comparison import MAX_CELLS
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from tests.api_support import client, problem, tiny_index
from tests.tiny import TinyEmbedder

QUESTIONS = ["do they sell my data?", "are cookies used?"]
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    folder: Path = tmp_path_factory.mktemp("index")
    return tiny_index(folder)


@pytest.fixture(scope="module")
def asking(index: PolicyIndex) -> Iterator[httpx.Client]:
    with client(Assistant(index, TinyEmbedder())) as asking:
        yield asking


def events(response: httpx.Response) -> list[tuple[str, dict[str, object]]]:
    told = [dict(line.split(": ", 1) for line in event.splitlines()) for event in response.text.split("\n\n") if event]
    return [(event["event"], json.loads(event["data"])) for event in told]


def test_each_cell_is_what_ask_says(asking: httpx.Client):
    found = asking.post("/v1/compare", json={"questions": QUESTIONS, "companies": ["JivoChat", "mig.me"]}).json()
    assert [(cell["company"]["id"], cell["question_id"]) for cell in found["cells"]] == [
        ("jivochat.com", "q1"),
        ("jivochat.com", "q2"),
        ("mig.me", "q1"),
        ("mig.me", "q2"),
    ]
    for cell in found["cells"]:
        given = {"question": cell["question"], "companies": [cell["company"]["id"]]}
        alone = asking.post("/v1/ask", json=given).json()["verdicts"][0]
        for member in ("outcome", "verdict", "probability", "quotes", "quotations"):
            assert cell[member] == alone[member]


def test_pages_hold_every_company_once_and_whole(asking: httpx.Client, index: PolicyIndex):
    questions = [f"do they sell data {number}?" for number in range(MAX_CELLS // 2)]
    seen: list[str] = []
    after = None
    while True:
        page = asking.post("/v1/compare", json={"questions": questions, "after": after}).json()
        assert len(page["cells"]) == len(page["companies"]) * len(questions) <= MAX_CELLS
        seen += [company["id"] for company in page["companies"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(index.companies)
    assert page["total_companies"] == len(seen)


def test_a_checklist_is_asked_with_what_silence_means(asking: httpx.Client):
    found = asking.post("/v1/compare", json={"checklist": "gdpr", "companies": ["mig.me", "Nowhere"]}).json()
    assert found["items"][9]["silence"].startswith("Art. 13(2)(a) requires")
    missing = [cell for cell in found["cells"] if cell["company"]["id"] is None]
    assert {cell["outcome"] for cell in missing} == {"unknown_company"}
    assert len(missing) == len(found["items"])


def test_events_tell_what_the_object_holds(asking: httpx.Client):
    asked = {"questions": QUESTIONS}
    whole = asking.post("/v1/compare", json=asked).json()
    told = events(asking.post("/v1/compare", json=asked, headers=EVENTS))
    assert [name for name, _ in told] == ["comparison", *["cell"] * 10, "end"]
    assert sorted(json.dumps(data) for name, data in told if name == "cell") == sorted(map(json.dumps, whole["cells"]))
    assert told[0][1] == {name: whole[name] for name in told[0][1]}
    assert told[-1][1]["cells"] == 10


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ({}, "bad-question"),
        ({"questions": ["?"]}, "bad-question"),
        ({"questions": QUESTIONS, "checklist": "gdpr"}, "bad-question"),
        ({"checklist": "gpdr"}, "bad-checklist"),
        ({"checklist": "../../secret.toml"}, "bad-checklist"),
        ({"questions": QUESTIONS, "after": "nobody"}, "bad-page"),
        ({"questions": ["sold?"] * (MAX_CELLS + 1)}, "invalid-request"),
        ({"questions": QUESTIONS, "companies": ["x"] * 51}, "invalid-request"),
        ({"questions": QUESTIONS, "as_of": "yesterday"}, "invalid-request"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_what_is_wrong_is_told_before_anything_is_asked(
    asking: httpx.Client, asked: dict[str, object], slug: str, accept: str
):
    response = asking.post("/v1/compare", json=asked, headers={"Accept": accept})
    assert problem(response) == (422, f"/problems/{slug}")


def test_the_deadline_ends_a_page(index: PolicyIndex):
    with client(Assistant(index, TinyEmbedder()), answer_timeout_s=0.001) as hurried:
        response = hurried.post("/v1/compare", json={"questions": [f"sold {n}?" for n in range(MAX_CELLS)]})
    assert problem(response) == (503, "/problems/took-too-long")
    assert int(response.headers["retry-after"]) >= 1
