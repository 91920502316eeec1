"""The HTTP contract over a real server on loopback, with an assistant whose rules a test can read."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.app import create_app
from api.serving.sample import SAMPLE_POLICIES
from api.settings import Settings
from api.wire import examples
from api.wire.schemas import AskRequest, AskResponse, CompaniesResponse, PassageOut, PolicyResponse, SearchResponse
from index.policy_index import PolicyIndex
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, Opens, served, tiny_index
from tests.tiny import TinyEmbedder

JIVOCHAT_POLICY = "jivochat.com--privacy-policy--2015-03-20"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    return tiny_index(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def assistant(index: PolicyIndex) -> FakeAssistant:
    return FakeAssistant(index)


@pytest.fixture(scope="module")
def client(assistant: FakeAssistant) -> Iterator[httpx.Client]:
    app = create_app(assistant, Settings(max_body_bytes=20_000))
    with served(app) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield client


def ask(client: httpx.Client, question: str = ACQUISITION, **more: object) -> httpx.Response:
    return client.post("/v1/ask", json={"question": question, **more})


# POST /v1/ask


def test_an_answer_has_exactly_the_members_of_the_contract(client: httpx.Client) -> None:
    assert list(ask(client).json()) == [
        "question",
        "standalone_question",
        "outcome",
        "answer",
        "companies",
        "unknown_companies",
        "verdicts",
        "parts",
        "passages",
        "calibrated",
        "next_offset",
        "counts",
        "history",
        "index_version",
        "took_ms",
    ]


def test_a_passage_has_the_members_of_the_contract_and_its_words_for_display(client: httpx.Client) -> None:
    assert sorted(ask(client).json()["passages"][0]) == sorted(
        [
            "rank",
            "score",
            "passage_id",
            "text",
            "heading",
            "start",
            "end",
            "evidence",
            "company",
            "policy",
            "segments",
            "lead_in",
            "quotation",
        ]
    )


def test_the_passage_that_says_so_comes_with_company_policy_and_day(client: httpx.Client) -> None:
    best = ask(client).json()["passages"][0]
    assert (best["company"], best["policy"]["archived_on"], best["heading"]) == (
        {"id": "jivochat.com", "name": "JivoChat"},
        "2015-03-20",
        "Legal Matters",
    )


def test_evidence_is_what_stands_at_its_offsets_in_the_policy(client: httpx.Client) -> None:
    best = ask(client).json()["passages"][0]
    text = client.get(f"/v1/policies/{best['policy']['id']}").json()["text"]
    assert [text[found["start"] : found["end"]] for found in best["evidence"]] == [NOT_OBLIGATED]


def test_the_segments_of_a_passage_mark_the_evidence(client: httpx.Client) -> None:
    segments = ask(client).json()["passages"][0]["segments"]
    assert [segment["text"] for segment in segments if segment["evidence"]] == [NOT_OBLIGATED]


def test_a_passage_id_is_the_policy_and_the_offsets(client: httpx.Client) -> None:
    best = ask(client).json()["passages"][0]
    assert best["passage_id"] == f"{JIVOCHAT_POLICY}:{best['start']}-{best['end']}"


def test_a_list_item_comes_with_its_lead_in_in_plain_words(client: httpx.Client) -> None:
    passages = ask(client, "what is downloaded?", companies=["mig.me"], k=100).json()["passages"]
    assert "We keep your personally identifiable information confidential and we disclose it only as follows:" in {
        passage["lead_in"] for passage in passages
    }


def test_a_company_that_is_unknown_is_an_outcome_when_the_question_names_it(client: httpx.Client) -> None:
    answer = ask(client, "does Jivochta tell?").json()
    assert (answer["outcome"], answer["unknown_companies"], answer["passages"]) == (
        "unknown_company",
        [{"name": "Jivochta", "nearest": ["JivoChat"]}],
        [],
    )


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        (ACQUISITION, "answered"),
        ("can I download my data from imgwg?", "not_stated"),
        ("does Facebook tell?", "unknown_company"),
        ("how is the weather?", "out_of_scope"),
    ],
)
def test_each_outcome_comes_through(client: httpx.Client, question: str, outcome: str) -> None:
    assert ask(client, question).json()["outcome"] == outcome


def test_history_companies_k_and_day_reach_the_assistant(client: httpx.Client, assistant: FakeAssistant) -> None:
    ask(client, "and sold?", companies=["Mailigen"], k=3, history=[ACQUISITION], as_of="2016-01-31")
    last = assistant.asked[-1] | {"as_of": str(assistant.asked[-1]["as_of"])}
    assert last == {
        "question": "and sold?",
        "companies": ["Mailigen"],
        "history": [ACQUISITION],
        "k": 3,
        "as_of": "2016-01-31",
    }


def test_the_time_that_an_answer_took_is_told(client: httpx.Client) -> None:
    assert 0 <= ask(client).json()["took_ms"] < 10_000


def test_two_questions_at_once_do_not_wait_for_each_other(index: PolicyIndex) -> None:
    both_are_inside = threading.Barrier(2, timeout=5)

    class Meeting(FakeAssistant):
        def steps(self, question: str, **more: object):  # type: ignore[no-untyped-def, override]
            both_are_inside.wait()
            yield from super().steps(question)

    statuses: list[int] = []
    with served(create_app(Meeting(index), Settings())) as address:
        askers = [
            threading.Thread(
                target=lambda: statuses.append(
                    httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION}).status_code
                )
            )
            for _ in range(2)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert statuses == [200, 200]


# POST /v1/search, GET /v1/companies, GET /v1/policies/{id}


def test_a_search_lists_hits_alone(client: httpx.Client) -> None:
    found = client.post("/v1/search", json={"question": "sold", "companies": ["JivoSite, Inc."], "k": 2}).json()
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    assert ([company["id"] for company in found["companies"]], found["unknown_companies"]) == (["jivochat.com"], [])
    assert found["index_version"]


def test_companies_come_by_name_with_aliases_domains_and_policies(client: httpx.Client) -> None:
    listed = client.get("/v1/companies").json()["companies"]
    assert [company["name"] for company in listed] == [
        "imgwg Communications",
        "JivoChat",
        "Mailigen",
        "MightyCall",
        "migme",
    ]
    assert {key: type(value) for key, value in listed[1].items()} == {
        "id": str,
        "name": str,
        "aliases": list,
        "domains": list,
        "policies": list,
    }


def test_a_listed_policy_can_be_opened(client: httpx.Client) -> None:
    listed = client.get("/v1/companies").json()["companies"]
    opened = [client.get(f"/v1/policies/{policy['id']}") for company in listed for policy in company["policies"]]
    assert [response.status_code for response in opened] == [200] * 5


def test_a_policy_comes_with_its_text_as_in_the_file(client: httpx.Client) -> None:
    text = (SAMPLE_POLICIES / "004_442ca016cb6ce53e.txt").read_bytes().decode()
    assert client.get(f"/v1/policies/{JIVOCHAT_POLICY}").json()["text"] == text


def test_the_headings_of_a_policy_stand_at_their_offsets(client: httpx.Client) -> None:
    policy = client.get(f"/v1/policies/{JIVOCHAT_POLICY}").json()
    assert "Legal Matters." in {
        policy["text"][heading["start"] : heading["end"]] for heading in policy["headings"] if heading["level"] == 3
    }


def test_the_blocks_of_a_policy_are_its_text_for_people_with_the_evidence_asked_for_apart(client: httpx.Client) -> None:
    best = ask(client).json()["passages"][0]
    spans = [f"{found['start']}-{found['end']}" for found in best["evidence"]]
    policy = client.get(
        f"/v1/policies/{JIVOCHAT_POLICY}", params={"evidence": [*spans, "3-2", "99999998-99999999"]}
    ).json()
    marked = [words["text"] for block in policy["blocks"] for words in block["segments"] if words["evidence"]]
    assert marked == [NOT_OBLIGATED]
    starts = [block["start"] for block in policy["blocks"]]
    assert starts == sorted(starts)
    headings = [block for block in policy["blocks"] if block["kind"] == "heading"]
    assert [block["segments"][0]["text"] for block in headings] == [each["text"] for each in policy["headings"]]


@pytest.mark.parametrize("span", ["1", "a-b", "-1-2", "1-2-3", "9999999999-1", ""])
def test_evidence_that_is_no_span_is_a_problem(client: httpx.Client, span: str) -> None:
    response = client.get(f"/v1/policies/{JIVOCHAT_POLICY}", params={"evidence": span})
    assert problem_type(response)[:2] == (422, "/problems/invalid-request")


def test_the_page_of_a_policy_is_there_under_the_same_headers(client: httpx.Client) -> None:
    response = client.get(f"/policies/{JIVOCHAT_POLICY}")
    assert "<askpolicy-policy" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


# Problems


def problem_type(response: httpx.Response) -> tuple[int, str, str]:
    told = response.json()
    assert told["status"] == response.status_code
    assert told["title"]
    assert told["detail"]
    return response.status_code, told["type"], response.headers["content-type"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"question": ""}, 422, "bad-question"),
        ({"question": " \n\t"}, 422, "bad-question"),
        ({"question": "a" * 3_000}, 422, "bad-question"),
        ({"question": "a\x00b"}, 422, "bad-question"),
        ({"question": ACQUISITION, "k": 0}, 422, "bad-k"),
        ({"question": ACQUISITION, "k": 1_000}, 422, "bad-k"),
        ({"question": ACQUISITION, "companies": ["jivochta.com"]}, 422, "unknown-company"),
        ({}, 422, "invalid-request"),
        ([], 422, "invalid-request"),
        ({"question": 5}, 422, "invalid-request"),
        ({"question": ACQUISITION, "k": "5"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "k": True}, 422, "invalid-request"),
        ({"question": ACQUISITION, "k": 2.5}, 422, "invalid-request"),
        ({"question": ACQUISITION, "colour": "red"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "history": "earlier"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "history": ["?"] * 51}, 422, "invalid-request"),
        ({"question": ACQUISITION, "companies": [""]}, 422, "invalid-request"),
        ({"question": ACQUISITION, "as_of": "20150320"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "as_of": "2015-02-30"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "as_of": 0}, 422, "invalid-request"),
        ({"question": "sold\ud800?"}, 422, "invalid-request"),
        ({"question": ACQUISITION, "companies": ["\ud800"]}, 422, "invalid-request"),
        ({"question": ACQUISITION, "history": ["\udfff"]}, 422, "invalid-request"),
    ],
)
def test_a_bad_request_is_a_problem_of_its_own_type(client: httpx.Client, body: object, status: int, kind: str) -> None:
    response = client.post("/v1/ask", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert problem_type(response) == (status, f"/problems/{kind}", "application/problem+json")


@pytest.mark.parametrize("content", ["", "{", "nonsense", "{'question': 1}"])
def test_a_body_that_is_no_json_is_a_problem(client: httpx.Client, content: str) -> None:
    response = client.post("/v1/ask", content=content, headers={"Content-Type": "application/json"})
    assert problem_type(response) == (422, "/problems/invalid-request", "application/problem+json")


def test_a_body_that_is_no_text_is_a_problem(client: httpx.Client) -> None:
    response = client.post("/v1/ask", content=b'{"question": "\xff"}', headers={"Content-Type": "application/json"})
    assert problem_type(response) == (400, "/problems/unreadable-body", "application/problem+json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_a_body_that_is_not_declared_as_json_is_a_problem(client: httpx.Client, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = client.post("/v1/ask", content=json.dumps({"question": ACQUISITION}), headers=headers)
    assert problem_type(response) == (415, "/problems/not-json", "application/problem+json")


def test_json_with_a_charset_is_taken(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    response = client.post("/v1/ask", content=json.dumps({"question": ACQUISITION}), headers=headers)
    assert response.status_code == 200


def test_an_unknown_company_is_told_with_the_nearest(client: httpx.Client) -> None:
    told = ask(client, companies=["jivochta"]).json()
    assert (told["name"], told["nearest"]) == ("jivochta", ["JivoChat"])


def test_an_unknown_address_is_a_problem(client: httpx.Client) -> None:
    assert problem_type(client.get("/v2/ask")) == (404, "/problems/not-found", "application/problem+json")


@pytest.mark.parametrize("policy_id", ["nobody", "..%2F..%2Fetc%2Fpasswd", "%00", "%F0%9F%92%A9"])
def test_an_unknown_policy_is_a_problem(client: httpx.Client, policy_id: str) -> None:
    response = client.get(f"/v1/policies/{policy_id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_policy_id_that_is_in_no_index_has_a_type_of_its_own(client: httpx.Client) -> None:
    response = client.get("/v1/policies/nobody--privacy-policy--undated")
    assert problem_type(response) == (404, "/problems/unknown-policy", "application/problem+json")


def test_a_policy_id_that_is_far_too_long_is_a_problem(client: httpx.Client) -> None:
    response = client.get(f"/v1/policies/{'a' * 5_000}")
    assert problem_type(response) == (422, "/problems/invalid-request", "application/problem+json")


def test_another_method_is_a_problem_that_names_the_right_one(client: httpx.Client) -> None:
    response = client.get("/v1/ask")
    assert problem_type(response) == (405, "/problems/method-not-allowed", "application/problem+json")
    assert response.headers["allow"] == "POST"


def test_a_body_that_declares_too_much_is_refused_before_it_is_read(client: httpx.Client) -> None:
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        raw.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 20001\r\n\r\n{"
        )
        assert raw.recv(1_000).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused_once_it_is_too_large(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(21):
            yield b" " * 1_000

    response = client.post("/v1/ask", content=chunks(), headers={"Content-Type": "application/json"})
    assert problem_type(response) == (413, "/problems/body-too-large", "application/problem+json")


def test_a_body_without_a_length_is_read_up_to_the_limit(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield json.dumps({"question": ACQUISITION}).encode()
        yield b" " * 10_000

    response = client.post("/v1/ask", content=chunks(), headers={"Content-Type": "application/json"})
    assert response.status_code == 200


def test_an_unexpected_error_is_a_problem_without_its_insides(client: httpx.Client) -> None:
    response = ask(client, "explode")
    assert problem_type(response) == (500, "/problems/internal", "application/problem+json")
    assert "secret" not in response.text


def test_the_largest_request_of_the_schema_fits_into_the_default_body_limit() -> None:
    largest = AskRequest(
        question="é" * 2_000, history=["長" * 2_000] * 50, companies=["é" * 200] * 50, k=100, as_of="2015-03-20"
    )
    body = json.dumps(largest.model_dump(mode="json"), ensure_ascii=False).encode()
    assert len(body) <= Settings().max_body_bytes


# State, headers, metrics


def test_the_service_is_alive_and_ready(client: httpx.Client, index: PolicyIndex) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "status": "ok",
        "index_version": index.manifest.version,
        "index_built_at": index.manifest.built_at,
        "model": "tiny",
        "refused": None,
    }


def first_other(address: str, text: str) -> httpx.Response:
    """The first response of /readyz without `text`."""
    for _ in range(100):
        response = httpx.get(f"{address}/readyz")
        if text not in response.text:
            return response
        time.sleep(0.05)
    raise TimeoutError(f"/readyz still says {text!r} after 5 s")


def test_while_the_index_is_opened_the_service_is_alive_and_not_ready(assistant: FakeAssistant) -> None:
    may_open = threading.Event()

    def open_slowly() -> FakeAssistant:
        may_open.wait(10)
        return assistant

    with served(create_app(Opens(open_slowly), Settings())) as address:
        assert httpx.get(f"{address}/healthz").status_code == 200
        waiting = httpx.get(f"{address}/readyz")
        assert problem_type(waiting)[:2] == (503, "/problems/not-ready")
        assert waiting.headers["retry-after"] == "2"
        may_open.set()
        assert first_other(address, waiting.text).status_code == 200


def test_an_index_that_does_not_open_leaves_the_service_alive_and_its_folder_untold(tmp_path: Path) -> None:
    def open_missing() -> FakeAssistant:
        return FakeAssistant(PolicyIndex.open(tmp_path / "nothing", embedder=TinyEmbedder()))

    with served(create_app(Opens(open_missing), Settings())) as address:
        told = first_other(address, "being opened")
        assert told.json()["detail"] == "There is no index; the log of the service says more."


@pytest.mark.parametrize(
    "path", ["/", "/widget.js", "/page.css", "/healthz", "/metrics", "/openapi.json", "/nowhere", "/v1/ask"]
)
def test_every_response_carries_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"], headers["x-frame-options"]) == (
        "nosniff",
        "no-referrer",
        "DENY",
    )


def test_an_unexpected_error_carries_the_security_headers_too(client: httpx.Client) -> None:
    assert ask(client, "explode").headers["x-content-type-options"] == "nosniff"


def test_no_other_origin_is_let_in(client: httpx.Client) -> None:
    headers = client.post(
        "/v1/ask", json={"question": ACQUISITION}, headers={"Origin": "https://elsewhere.example"}
    ).headers
    assert not [name for name in headers if name.startswith("access-control-allow")]


def test_only_the_widget_may_be_embedded_elsewhere(client: httpx.Client) -> None:
    policies = {path: client.get(path).headers["cross-origin-resource-policy"] for path in ("/", "/widget.js")}
    assert policies == {"/": "same-origin", "/widget.js": "cross-origin"}


def test_metrics_count_questions_by_outcome_for_each_application_alone(assistant: FakeAssistant) -> None:
    counts = []
    for _ in range(2):
        with served(create_app(assistant, Settings())) as address:
            httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION})
            counts.append(httpx.get(f"{address}/metrics").text)
    assert all('askpolicy_questions_total{outcome="answered"} 1.0' in text for text in counts)
    assert all('askpolicy_answer_seconds_count{endpoint="ask"} 1.0' in text for text in counts)


# GET /v1/policies/{id}/text


def test_a_part_of_a_policy_is_what_stands_at_its_offsets(client: httpx.Client, index: PolicyIndex) -> None:
    part = client.get(f"/v1/policies/{JIVOCHAT_POLICY}/text", params={"start": 8916, "end": 8986}).json()
    text = index.policy(JIVOCHAT_POLICY).text
    assert (part["text"], part["start"], part["end"]) == (text[8916:8986], 8916, 8986)
    assert (part["total_chars"], part["next_start"]) == (len(text), 8986)
    assert (part["company"]["id"], part["policy"]["id"]) == ("jivochat.com", JIVOCHAT_POLICY)
    assert part["index_version"] == index.manifest.version


@pytest.mark.parametrize(
    ("span", "expected"), [({}, (0, 13_902)), ({"start": 99_999}, (13_902, 13_902)), ({"start": 9, "end": 5}, (9, 9))]
)
def test_a_part_ends_where_the_policy_does(
    client: httpx.Client, index: PolicyIndex, span: dict[str, int], expected: tuple[int, int]
) -> None:
    part = client.get(f"/v1/policies/{JIVOCHAT_POLICY}/text", params=span).json()
    assert (part["start"], part["end"]) == expected
    assert part["text"] == index.policy(JIVOCHAT_POLICY).text[slice(*expected)]


# OpenAPI


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict:
    return client.get("/openapi.json").json()


def test_openapi_lists_the_endpoints_of_the_contract(document: dict) -> None:
    assert sorted(document["paths"]) == sorted(
        [
            "/v1/ask",
            "/v1/changes",
            "/v1/changes.atom",
            "/v1/checklists",
            "/v1/compare",
            "/v1/compare/table",
            "/v1/search",
            "/v1/suggestions",
            "/v1/companies",
            "/v1/policies/{policy_id}",
            "/v1/policies/{policy_id}/text",
            "/v1/chat/completions",
            "/v1/models",
            "/v1/models/{model}",
            "/healthz",
            "/readyz",
            "/metrics",
        ]
    )


def test_every_problem_in_openapi_is_problem_json_with_an_example(document: dict) -> None:
    problems = [
        response["content"]
        for path, operations in document["paths"].items()
        if not path.startswith(("/v1/chat/", "/v1/models"))  # which speak as OpenAI's interface does
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    ]
    assert problems
    assert all(list(content) == ["application/problem+json"] for content in problems)
    assert all(content["application/problem+json"]["examples"] for content in problems)


def test_openapi_has_no_trace_of_the_frameworks_own_errors(document: dict) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_reference_in_openapi_leads_somewhere(document: dict) -> None:
    def references(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= schemas


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (AskRequest, examples.ASK),
        (AskRequest, examples.ASK_FOLLOW_UP),
        (AskResponse, examples.ANSWER),
        (SearchResponse, examples.HITS),
        (CompaniesResponse, examples.COMPANIES),
        (PolicyResponse, examples.POLICY),
    ],
)
def test_an_example_is_of_the_form_that_it_shows(model: type, example: dict) -> None:
    model.model_validate_json(json.dumps(example))


def test_the_passage_of_the_examples_is_real(client: httpx.Client) -> None:
    real = PassageOut.model_validate_json(json.dumps(ask(client).json()["passages"][0]))
    shown = PassageOut.model_validate_json(json.dumps(examples.PASSAGE))
    assert shown.model_copy(update={"policy": real.policy}) == real


def test_the_headings_of_the_examples_are_real(client: httpx.Client) -> None:
    real = client.get(f"/v1/policies/{JIVOCHAT_POLICY}").json()["headings"]
    assert [heading for heading in examples.POLICY["headings"] if heading not in real] == []
