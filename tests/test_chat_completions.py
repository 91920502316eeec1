"""OpenAI's interface, asked with OpenAI's own client over a real server."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion

from api.app import create_app
from api.guard.keys import add_key
from api.settings import Settings
from api.wire import examples
from api.wire.chat_completions import ChatCompletion as ChatCompletionOut
from api.wire.schemas import AskRequest, AskResponse
from index.policy_index import PolicyIndex
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, Opens, served, tiny_index

ANSWER = f"No. “{NOT_OBLIGATED}” — JivoChat, Privacy Policy, “Legal Matters”, archived 2015-03-20, effective 2014-10-17"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


@contextmanager
def client(assistant: Any, key: str = "none is asked for", **settings: Any) -> Iterator[openai.OpenAI]:
    made = Settings(**settings)
    with (
        served(create_app(assistant, made), made) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as asking,
    ):
        yield asking


@pytest.fixture(scope="module")
def asking(assistant: FakeAssistant) -> Iterator[openai.OpenAI]:
    with client(assistant) as asking:
        yield asking


def user(*words: str) -> list[Any]:
    return [{"role": "user", "content": each} for each in words]


def ask(asking: openai.OpenAI, *words: str, **more: Any) -> ChatCompletion:
    return asking.chat.completions.create(**({"model": "askpolicy", "messages": user(*words)} | more))


def quoted(completion: ChatCompletion) -> list[tuple[str, str]]:
    message = completion.choices[0].message
    cited = [each.url_citation for each in message.annotations or ()]
    return [((message.content or "")[each.start_index : each.end_index], each.title) for each in cited]


def test_the_answer_is_the_message(asking: openai.OpenAI) -> None:
    completion = ask(asking, ACQUISITION)
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", ANSWER, "stop")


def test_a_quote_is_cited_with_its_place_in_the_message_and_its_source(asking: openai.OpenAI) -> None:
    completion = ask(asking, ACQUISITION)
    assert quoted(completion) == [(f"“{NOT_OBLIGATED}”", "JivoChat, Privacy Policy, 2015-03-20")]
    (annotation,) = completion.choices[0].message.annotations or ()
    assert annotation.url_citation.url.startswith("https://web.archive.org/web/20150320040234id_/")


def test_of_several_companies_those_that_say_something_are_cited_and_the_silent_ones_named(
    asking: openai.OpenAI,
) -> None:
    completion = ask(asking, "is my data sold by JivoChat or by Mailigen?")
    assert [title.partition(",")[0] for _, title in quoted(completion)] == ["JivoChat"]
    assert completion.choices[0].message.content == f"{ANSWER}\nThe policy of Mailigen does not say."


def test_words_that_two_companies_share_are_cited_for_each(tmp_path: Path) -> None:
    index = _index_of_twins(tmp_path)
    with client(FakeAssistant(index)) as asking:
        completion = ask(asking, "what happens on acquisition?")
    assert [title.partition(",")[0] for _, title in quoted(completion)] == ["Acme", "Zebra"]
    starts = [each.url_citation.start_index for each in completion.choices[0].message.annotations or ()]
    assert len(set(starts)) == 2


def test_what_the_answer_does_not_quote_is_not_cited() -> None:
    content = copy.deepcopy(examples.ANSWER)
    quotations = content["verdicts"][0]["quotations"]
    quotations.append(quotations[0] | {"text": "Words that the answer leaves out."})
    answer = AskResponse.model_validate_json(json.dumps(content))
    asked = AskRequest(question=answer.question)
    completion = ChatCompletionOut.of(answer, asked=asked, created=0, pages="http://localhost/")
    (annotation,) = completion.choices[0].message.annotations
    start, end = annotation.url_citation.start_index, annotation.url_citation.end_index
    assert answer.answer[start:end] == f"“{NOT_OBLIGATED}”"


def test_a_policy_without_a_source_is_cited_by_our_page(tmp_path: Path) -> None:
    with client(FakeAssistant(_index_of_twins(tmp_path))) as asking:
        (annotation, _) = ask(asking, "what happens on acquisition?").choices[0].message.annotations or ()
        page = httpx.get(annotation.url_citation.url)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert annotation.url_citation.url.partition("?")[2].startswith("passage=")


def _index_of_twins(folder: Path) -> PolicyIndex:
    from index.build import build
    from tests.tiny import TinyEmbedder

    for name in ("Acme", "Zebra"):
        (folder / f"{name}.md").write_text(
            f"# {name} Privacy Policy\n\n## Sale\n\nIn a change of control your data is passed on.\n\n"
            f"## Us\n\n{name} is at {name.lower()}.com and this is the privacy policy of {name}.\n"
        )
    build([folder], folder / "index", embedder=TinyEmbedder())
    return PolicyIndex.open(folder / "index", embedder=TinyEmbedder())


def test_the_last_user_message_is_the_question_and_those_before_it_the_history(
    asking: openai.OpenAI, assistant: FakeAssistant
) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": ACQUISITION},
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": [{"type": "text", "text": "and on"}, {"type": "text", "text": "acquisition?"}]},
    ]
    completion = ask(asking, messages=messages)
    asked = assistant.asked[-1]
    assert (asked["question"], asked["history"]) == ("and on\nacquisition?", [ACQUISITION])
    assert completion.choices[0].message.content == ANSWER


def test_what_could_not_be_answered_before_does_not_hinder_what_is_asked_now(
    asking: openai.OpenAI, assistant: FakeAssistant
) -> None:
    ask(asking, "x" * 3_000, " ", *[f"is my data sold, {number}?" for number in range(80)], ACQUISITION)
    assert assistant.asked[-1]["history"] == [f"is my data sold, {number}?" for number in range(30, 80)]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what does JivoChat say of download?", "The policy of JivoChat does not say."),
        ("does Facebook sell?", "No policy of Facebook is in this index."),
        ("how is the weather?", "This is not a question about a privacy policy."),
    ],
)
def test_silence_an_unknown_company_and_other_matters_are_honest_answers(
    asking: openai.OpenAI, question: str, answer: str
) -> None:
    completion = ask(asking, question)
    assert completion.choices[0].message.content == answer
    assert completion.choices[0].message.annotations == []


def test_a_stream_tells_the_same_answer_its_citations_and_its_usage(asking: openai.OpenAI) -> None:
    whole = ask(asking, ACQUISITION)
    with asking.chat.completions.create(
        model="askpolicy", messages=user(ACQUISITION), stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == ANSWER
    annotations = [each for delta in deltas for each in (delta.model_extra or {}).get("annotations", ())]
    assert annotations == [each.model_dump() for each in whole.choices[0].message.annotations or ()]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}


def test_a_stream_ends_with_done_and_tells_no_usage_unasked(asking: openai.OpenAI) -> None:
    content = {"model": "askpolicy", "messages": user(ACQUISITION), "stream": True}
    response = httpx.post(f"{asking.base_url}chat/completions", json=content)
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert not any("usage" in json.loads(event.removeprefix("data: ")) for event in events)


def test_usage_counts_the_words_read_and_told(asking: openai.OpenAI) -> None:
    usage = ask(asking, "how is the weather?").usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5, 10, 15)


def test_there_is_one_model(asking: openai.OpenAI) -> None:
    (model,) = asking.models.list()
    assert (model.id, model) == ("askpolicy", asking.models.retrieve("askpolicy"))


def test_another_model_is_not_found(asking: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as told:
        ask(asking, ACQUISITION, model="gpt-9")
    assert (told.value.code, told.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        asking.models.retrieve("gpt-9")


TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": TOOL}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages.0"),
        ({"messages": [{"role": "system", "content": "hello"}]}, None),
        ({"messages": []}, "messages"),
        ({"messages": user("x" * 2_001)}, None),
        ({"messages": user("")}, None),
    ],
)
def test_what_would_change_the_answer_and_cannot_be_done_is_refused(
    asking: openai.OpenAI, options: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as told:
        ask(asking, ACQUISITION, **options)
    assert (told.value.type, told.value.param) == ("invalid_request_error", param)


def test_what_does_not_matter_is_ignored(asking: openai.OpenAI) -> None:
    options = {
        "temperature": 0.7,
        "max_tokens": 5,
        "n": 1,
        "tools": [TOOL],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "seed": 1,
        "user": "somebody",
        "extra_body": {"an_option_of_tomorrow": True},
    }
    assert ask(asking, ACQUISITION, **options).choices[0].message.content == ANSWER


def test_many_wrong_messages_make_one_error(asking: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as told:
        ask(asking, messages=[{"role": "nobody"}] * 1_000)
    assert len(told.value.message) < 1_000


# Who may ask


def test_without_a_key_or_with_an_unknown_one_it_is_refused(assistant: FakeAssistant, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    secret = add_key(keys, "one")
    with client(assistant, key="sk-guess", keys=keys) as asking:
        for refused in (lambda: ask(asking, ACQUISITION), asking.models.list):
            with pytest.raises(openai.AuthenticationError) as told:
                refused()
            assert told.value.code == "invalid_api_key"
        assert ask(asking.with_options(api_key=secret), ACQUISITION).choices[0].message.content == ANSWER


def test_over_the_limit_it_tells_when_to_ask_again(assistant: FakeAssistant) -> None:
    with client(assistant, rate_per_address="1/hour") as asking:
        ask(asking, ACQUISITION)
        with pytest.raises(openai.RateLimitError) as told:
            ask(asking, ACQUISITION)
    assert told.value.code == "rate_limit_exceeded"
    assert int(told.value.response.headers["retry-after"]) > 0


def test_a_body_that_is_too_large_is_refused_in_the_same_form(assistant: FakeAssistant) -> None:
    with client(assistant, max_body_bytes=2_000) as asking, pytest.raises(openai.APIStatusError) as told:
        ask(asking, "x" * 3_000)
    assert (told.value.status_code, told.value.code) == (413, "body-too-large")


def test_while_it_opens_the_index_it_says_so_and_when_to_ask_again() -> None:
    def opens() -> FakeAssistant:
        raise FileNotFoundError("none is here yet")

    with client(Opens(opens)) as asking, pytest.raises(openai.InternalServerError) as told:
        ask(asking, ACQUISITION)
    assert (told.value.status_code, told.value.type, told.value.code) == (503, "server_error", "not-ready")
    assert int(told.value.response.headers["retry-after"]) > 0


def test_an_error_of_the_program_keeps_its_insides(asking: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as told:
        ask(asking, "explode")
    assert (told.value.status_code, told.value.code) == (500, "internal")
    assert "secret" not in told.value.message


def test_it_is_counted_as_every_question_is(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        ask(asking, ACQUISITION)
        numbers = httpx.get(f"{asking.base_url}".replace("/v1/", "/metrics")).text
    assert 'askpolicy_questions_total{outcome="answered"} 1.0' in numbers
    assert 'askpolicy_http_requests_total{route="/v1/chat/completions",status="200"} 1.0' in numbers
