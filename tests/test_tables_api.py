"""`/v1/checklists` and `/v1/compare/table` over a real server: tables come back as files, and nonsense is told."""

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.guard.keys import add_key
from api.routes.comparison import MAX_TABLE_BYTES, TABLES
from qa.assistant import Assistant
from qa.checklists.checklist import shipped_checklist, shipped_names
from tests.api_support import bearer, client, problem, tiny_index
from tests.tiny import TinyEmbedder

QUESTIONS = ["do they sell my data?", "are cookies used?"]
JSONL = {"Content-Type": "application/jsonl"}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    return Assistant(tiny_index(tmp_path_factory.mktemp("index")), TinyEmbedder())


@pytest.fixture(scope="module")
def asking(assistant: Assistant) -> Iterator[httpx.Client]:
    with client(assistant) as asking:
        yield asking


@pytest.fixture(scope="module")
def whole(asking: httpx.Client) -> dict[str, object]:
    """A page of `/v1/compare`."""
    found: dict[str, object] = asking.post("/v1/compare", json={"questions": QUESTIONS}).json()
    return found


def lines(whole: dict[str, object], **members: object) -> bytes:
    """The page as the data of its events, with `members` of the first in place of its own."""
    told = {name: value for name, value in whole.items() if name not in ("cells", "took_ms")} | members
    cells = whole["cells"]
    assert isinstance(cells, list)
    return "\n".join(map(json.dumps, [told, *cells])).encode()


def written(asking: httpx.Client, content: bytes, form: str) -> httpx.Response:
    return asking.post(TABLES, params={"format": form, "title": "A title"}, content=content, headers=JSONL)


def test_the_checklists_that_ship_are_listed_whole(asking: httpx.Client) -> None:
    response = asking.get("/v1/checklists")
    listed = {each["name"]: each for each in response.json()["checklists"]}
    assert list(listed) == shipped_names()
    gdpr = shipped_checklist("gdpr")
    assert listed["gdpr"]["title"] == gdpr.title
    assert [item["question"] for item in listed["gdpr"]["items"]] == [item.question for item in gdpr.items]
    again = asking.get("/v1/checklists", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_what_was_told_comes_back_in_every_format(asking: httpx.Client, whole: dict[str, object]) -> None:
    cells = whole["cells"]
    assert isinstance(cells, list)
    answers = {form: written(asking, lines(whole), form) for form in ("csv", "jsonl", "md", "html", "xlsx")}
    assert {form: answer.status_code for form, answer in answers.items()} == dict.fromkeys(answers, 200)
    for form, answer in answers.items():
        assert answer.headers["content-disposition"] == f'attachment; filename="comparison.{form}"'
    rows = list(csv.DictReader(io.StringIO(answers["csv"].text)))
    assert [(row["company"], row["question"]) for row in rows] == [
        (cell["company"]["name"], cell["question"]) for cell in cells
    ]
    assert [json.loads(line) for line in answers["jsonl"].text.splitlines()] == cells
    assert answers["md"].text.startswith("# A title\n")
    assert "<title>A title</title>" in answers["html"].text
    assert zipfile.ZipFile(io.BytesIO(answers["xlsx"].content)).testzip() is None


def test_markup_in_a_cell_stays_text_in_html(asking: httpx.Client, whole: dict[str, object]) -> None:
    content = lines(whole).replace(b"JivoChat", b"<script>alert(1)</script>")
    assert "<script" not in written(asking, content, "html").text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: JSON: "),
        (b"[]", "expected the data of a `comparison` event"),
        (b"\xff\xfe", "line 1: "),
        (b"[" * 90_000, "line 1: "),
        (b" " * 50 + b"[" * 100_001, "more than 100,000 bytes"),
    ],
)
def test_what_is_no_table_is_told(asking: httpx.Client, content: bytes, told: str) -> None:
    response = written(asking, content, "csv")
    assert problem(response) == (422, "/problems/bad-table")
    assert told in response.json()["detail"]


def test_a_cell_that_is_missing_or_wrong_is_told(asking: httpx.Client, whole: dict[str, object]) -> None:
    content = lines(whole)
    missing = written(asking, content.rsplit(b"\n", 1)[0], "csv")
    assert problem(missing) == (422, "/problems/bad-table")
    assert "there is no cell of" in missing.json()["detail"]
    wrong = written(asking, content.replace(b'"outcome"', b'"income"'), "csv")
    assert "line 2: outcome: Field required; expected the data of a `cell` event" in wrong.json()["detail"]


def test_too_large_a_table_and_an_unknown_format_are_refused(asking: httpx.Client, whole: dict[str, object]) -> None:
    assert problem(written(asking, lines(whole), "pdf")) == (422, "/problems/invalid-request")
    # it may also be cut off while it is sent
    with contextlib.suppress(httpx.TransportError):
        assert problem(written(asking, b" " * (MAX_TABLE_BYTES + 1), "csv")) == (413, "/problems/body-too-large")


def test_other_paths_take_no_more_than_before(asking: httpx.Client) -> None:
    content = b'{"questions": [' + b'"a",' * 3_000 + b'"a"]}'
    response = asking.post("/v1/compare", content=content, headers={"Content-Type": "application/json"})
    assert "more than 2,000 values" in response.json()["detail"]


def test_a_key_needs_the_endpoint_compare(assistant: Assistant, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    asks = add_key(keys, "asks", endpoints=["ask"])
    compares = add_key(keys, "compares", endpoints=["compare"])
    with client(assistant, keys=keys) as asking:
        for method, path in (("GET", "/v1/checklists"), ("POST", f"{TABLES}?format=csv")):
            assert problem(asking.request(method, path, headers=bearer(asks))) == (403, "/problems/key-scope")
            assert problem(asking.request(method, path)) == (401, "/problems/key-missing")
        assert asking.get("/v1/checklists", headers=bearer(compares)).status_code == 200
        assert asking.get("/compare").status_code == asking.get("/modules/compare.js").status_code == 200
