"""Faults that a review of the index reproduced, each as a test of its kind."""

import gc
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from api.command.cli import askpolicy
from api.observability.metrics import Metrics
from api.serving.live import LiveAssistant
from index.build import build
from index.embedding import BASE_MODEL, SentenceTransformersEmbedder
from index.manifest import published_version
from index.policy_index import PolicyIndex
from index.sources.files import parse_policy_text
from qa.assistant import Assistant
from tests.api_support import SAMPLE_POLICIES, Opens, client
from tests.tiny import TinyEmbedder

HEADER = (
    "> *The following text is extracted and transformed from the example.com privacy policy that was archived on "
    "2015-03-20. Please check the {} for the most accurate reproduction.*\n\nWe keep your data.\n"
)


# A snapshot's address in the header line


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("[snapshot](https://en.wikipedia.org/wiki/X_(company))", "https://en.wikipedia.org/wiki/X_(company)"),
        ("[it](https://a.b/web/2015/https://c.d/X_(a)_(b(c)))", "https://a.b/web/2015/https://c.d/X_(a)_(b(c))"),
        ('[it](https://a.b/x_(y) "the (old) page") and [that](https://c.d/)', "https://a.b/x_(y)"),
        (r"[it](https://a.b/x\)y)", "https://a.b/x)y"),
        ("[it](<https://a.b/x)y>)", "https://a.b/x)y"),
        ("[it](https://a.b/x)) [that](https://c.d/)", "https://a.b/x"),
        ("[it](https://a.b/x(y) for", "https://a.b/x(y"),
        ("[it](https://a.b/x?q=1&r=%29)", "https://a.b/x?q=1&r=%29"),
        ("page [1](see below) or [it](https://a.b/x)", "https://a.b/x"),
        ("[it](javascript:alert(1))", None),
        ("[it](<javascript:alert(1)//https://a.b/>)", None),
        ("[it](JavaScript:alert(1)) or [that](https://a.b/)", None),
        ("[it](<https://a.b/x y>)", None),
        ("[it](https://a.b/x", None),
        ("page", None),
    ],
)
def test_the_whole_address_of_a_snapshot_is_read(link: str, address: str | None) -> None:
    file = parse_policy_text(HEADER.format(link), path="a.md")
    assert file.source_url == address
    assert file.text[file.body_start :].strip() == "We keep your data."


# One tokenizer used by two threads


def test_tokens_are_counted_right_while_another_thread_encodes() -> None:
    embedder = SentenceTransformersEmbedder(BASE_MODEL)
    texts = [("we share your data with partners " * length).strip() for length in (1, 9, 40, 90)]
    expected = [embedder.count_tokens(text) for text in texts]
    failed: list[BaseException] = []
    ended = threading.Event()

    def encode() -> None:
        try:
            for _ in range(40):
                embedder.embed_questions(["do you share my data?", "who " * 40])
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failed.append(error)
        finally:
            ended.set()

    encoding = threading.Thread(target=encode)
    encoding.start()
    wrong = 0
    while not ended.is_set():
        wrong += [embedder.count_tokens(text) for text in texts] != expected
    encoding.join()
    assert (failed, wrong) == ([], 0)


def test_a_count_is_of_the_whole_text_whatever_the_model_reads() -> None:
    embedder = SentenceTransformersEmbedder(BASE_MODEL)
    embedder.embed_questions(["who " * 300])
    assert embedder.count_tokens("who " * 1_000) == 1_000


# An exchanged index


@pytest.fixture
def _no_collector() -> object:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_an_exchanged_index_is_gone_when_its_last_request_ends(tmp_path: Path) -> None:
    embedder = TinyEmbedder()
    build([SAMPLE_POLICIES], tmp_path, embedder=embedder)
    opened = [Assistant(PolicyIndex.open(tmp_path, embedder=embedder), embedder) for _ in range(2)]
    live = LiveAssistant(Opens(opened.pop), opened=opened.pop(), watch_s=60, metrics=Metrics())
    asked = live.assistant()
    answer = asked.ask("does JivoChat notify me on acquisition?")
    asked.search("who sells my data?", k=3)
    assert answer.hits
    before = weakref.ref(asked.index)
    parts = [weakref.ref(asked), weakref.ref(asked.index.policies), weakref.ref(asked.index.passage_terms)]
    live._look(live._opener)  # type: ignore[arg-type]
    assert live.assistant() is not asked
    assert before() is not None
    del asked
    assert [part() for part in (before, *parts)] == [None] * 4


QUESTION = {"question": "does JivoChat notify me on acquisition?"}
EVENTS = {"Accept": "text/event-stream"}


def leave_early(asking: httpx.Client) -> None:
    with asking.stream("POST", "/v1/ask", json=QUESTION, headers=EVENTS) as response:
        next(response.iter_raw(1))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold within 20 s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "ask",
    [
        lambda asking: asking.post("/v1/ask", json=QUESTION),
        lambda asking: asking.post("/v1/ask", json=QUESTION, headers=EVENTS),
        leave_early,
        lambda asking: asking.post("/v1/ask", json=QUESTION | {"companies": ["nobody"]}),
        lambda asking: asking.post("/v1/ask", json=QUESTION | {"companies": ["nobody"]}, headers=EVENTS),
        lambda asking: asking.get("/v1/policies/nobody"),
        lambda asking: asking.get("/v1/companies"),
    ],
    ids=["answer", "events", "leaves", "error", "error as event", "missing", "companies"],
)
def test_no_request_keeps_an_exchanged_index(ask: Callable[[httpx.Client], object], tmp_path: Path) -> None:
    policies, folder, embedder = tmp_path / "policies", tmp_path / "index", TinyEmbedder()
    shutil.copytree(SAMPLE_POLICIES, policies)
    build([policies], folder, embedder=embedder)
    opened: list[weakref.ref[PolicyIndex]] = []

    def opens() -> Assistant:
        index = PolicyIndex.open(folder, embedder=embedder)
        opened.append(weakref.ref(index))
        return Assistant(index, embedder)

    with client(Opens(opens, lambda: published_version(folder)), watch_s=0.05) as asking:
        until(lambda: asking.get("/readyz").is_success)
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                ask(asking)
            (policies / "new.md").write_text("# New Privacy Policy\n\nWe tell you of a sale.\n", encoding="utf-8")
            build([policies], folder, embedder=embedder)
            until(lambda: len(opened) == 2)
            until(lambda: opened[0]() is None)
        finally:
            gc.enable()


# A folder that cannot be written


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(askpolicy, [str(one) for one in arguments], obj=lambda settings: TinyEmbedder())


@pytest.mark.parametrize(
    ("arguments", "broken"),
    [
        (["index", "rollback", "{index}"], "index.manifest.roll_back"),
        (["index", "update", "--out", "{index}"], "index.build.build"),
        (["index", "build", "{index}", "--out", "{index}"], "index.build.build"),
        (["index", "verify", "{index}"], "index.manifest.damaged_files"),
        (["index", "show", "{index}"], "index.manifest.current_version"),
        (["keys", "add", "me", "--keys", "{index}/keys"], "api.guard.keys.add_key"),
    ],
)
def test_what_the_disk_forbids_is_one_line(
    arguments: list[str], broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    build([SAMPLE_POLICIES], folder, embedder=TinyEmbedder())

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder / "writing.lock"))

    monkeypatch.setattr(broken, read_only)
    done = run(*(each.format(index=folder) for each in arguments))
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(f"Error: {folder / 'writing.lock'}: Permission denied; ")


@pytest.mark.parametrize("below", ["file/index", "file"])
def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("no folder")
    done = run("index", "build", SAMPLE_POLICIES, "--out", tmp_path / below)
    assert (done.exit_code in (1, 2), "Traceback" in done.stderr, str(tmp_path / "file") in done.stderr) == (
        True,
        False,
        True,
    )
