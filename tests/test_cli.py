"""The command `askpolicy`: in this process where that is enough, as a process of its own for what a shell sees."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from api.app import create_app
from api.command.cli import askpolicy
from api.command.terminal import print_answer, print_hits
from api.settings import Settings
from api.wire.schemas import AskResponse, SearchResponse
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.reading.reader import open_reader
from tests.api_support import FakeAssistant, served, tiny_index
from tests.tiny import TinyEmbedder

HEADER = (
    "> *The following text is extracted and transformed from the {domain} privacy policy that was archived on {day}. "
    "Please check the [original snapshot](https://web.archive.org/{domain}) for the most accurate reproduction.*\n\n"
)
ACME = (
    HEADER.format(domain="acmephones.com", day="2019-05-04")
    + "# AcmePhones Privacy Policy\n\n## Sharing\n\nWe do not sell your personal data to anybody.\n\n"
    + "## Security\n\nWe encrypt every call with TLS while it travels over the network.\n"
)
ZEBRA = (
    HEADER.format(domain="zebramail.com", day="2020-02-01")
    + "# ZebraMail Privacy Policy\n\n## Sharing\n\nWe sell your email address to advertisers.\n"
)


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> Result:
    """The command in this process, with the tiny embedder."""
    return CliRunner().invoke(
        askpolicy, [str(argument) for argument in arguments], env=environment, obj=lambda settings: TinyEmbedder()
    )


def start(
    *arguments: str | Path, program: Sequence[str] = ("-m", "api.command.cli"), **options: object
) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "acme.txt").write_text(ACME, encoding="utf-8")
    (folder / "zebra.md").write_text(ZEBRA, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def index(policies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "built"
    assert run("index", "build", policies, "--out", folder).exit_code == 0
    return folder


# Help and usage


def test_the_command_starts_without_a_heavy_library() -> None:
    heavy = ["numpy", "torch", "fastapi", "pydantic", "rich", "uvicorn", "faiss", "sentence_transformers"]
    program = f"import sys, api.command.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        yield command


@pytest.mark.parametrize("command", list(commands(askpolicy)), ids=lambda command: command.name)
def test_every_command_and_every_option_says_what_it_does(command: click.Command) -> None:
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_help_goes_to_stdout_and_ends_well() -> None:
    process = start("--help")
    said, told = process.communicate(timeout=20)
    assert (process.returncode, told, "Ask a question" in said) == (0, "", True)


@pytest.mark.parametrize(
    "arguments",
    [["ask"], ["nonsense"], ["ask", "x", "--as-of", "soon"], ["serve", "--port", "70000"], ["index", "build"]],
)
def test_wrong_usage_is_exit_status_2(arguments: list[str]) -> None:
    process = start(*arguments)
    said, told = process.communicate(timeout=20)
    assert (process.returncode, said, "Error:" in told) == (2, "", True)


def test_a_closed_pipe_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "api.command.cli", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


# Errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", ""], "the question is empty"),
        (["ask", "a" * 3_000], "the question has 3,000 characters"),
        (["ask", "sold?", "-k", "0"], "k is 0, expected 1 to 100"),
        (["search", "sold?", "-k", "1000"], "k is 1000, expected 1 to 100"),
        (["ask", "sold?", "--index", "no-such-folder"], "no-such-folder: no index here"),
        (["index", "show", "no-such-folder"], "no-such-folder: no index here"),
        (["index", "verify", "no-such-folder"], "no-such-folder: no index here"),
        (["index", "update", "--out", "no-such-folder"], "no-such-folder: no index here"),
        (["index", "build", "no-such-folder", "--out", "never-made"], "no policy in no-such-folder"),
    ],
)
def test_an_error_is_told_on_stderr_with_exit_status_1(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout, f"Error: {words}" in done.stderr) == (1, "", True)


def test_a_wrong_setting_is_told_by_the_name_of_its_variable() -> None:
    done = run("serve", environment={"ASKPOLICY_PORT": "eighty"})
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: ASKPOLICY_PORT: 'eighty' is not a valid whole number: The port to listen on; 0 takes any free one.\n",
    )


def test_an_address_of_another_machine_is_told_before_anything_is_loaded() -> None:
    done = run("serve", "--host", "192.0.2.1")
    assert (done.exit_code, "cannot listen on 192.0.2.1:8000" in done.stderr) == (1, True)


def test_an_unknown_company_is_an_error_that_names_the_nearest(index: Path) -> None:
    done = run("ask", "do they sell my data?", "--company", "zebramial", "--index", index)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        "Error: no company 'zebramial' in this index: did you mean ZebraMail?",
    )


# ask, search, companies


def test_an_answer_shows_quote_company_heading_day_and_link(index: Path) -> None:
    said = run("search", "do you sell my email address to advertisers?", "--company", "zebramail.com", "--index", index)
    assert said.exit_code == 0
    assert "ZebraMail" in said.stdout
    assert "“Sharing”" in said.stdout
    assert "archived 2020-02-01" in said.stdout
    assert "We sell your email address to advertisers." in said.stdout


def test_what_is_piped_has_no_colours(index: Path) -> None:
    assert "\x1b" not in run("ask", "does ZebraMail sell my email address?", "--index", index).stdout


def test_search_prints_the_json_of_the_http_service(index: Path) -> None:
    done = run("search", "who sells data?", "--json", "-k", "2", "--index", index)
    assert [hit["rank"] for hit in json.loads(done.stdout)["hits"]] == [1, 2]


def test_companies_are_listed_with_their_policies(index: Path) -> None:
    assert run("companies", "--index", index).stdout == (
        "AcmePhones (acmephones.com)\n"
        "  AcmePhones Privacy Policy, archived 2019-05-04\n"
        "ZebraMail (zebramail.com)\n"
        "  ZebraMail Privacy Policy, archived 2020-02-01\n"
    )


def test_the_index_is_taken_from_the_environment(index: Path) -> None:
    listed = json.loads(run("companies", "--json", environment={"ASKPOLICY_INDEX": str(index)}).stdout)
    assert [company["id"] for company in listed["companies"]] == ["acmephones.com", "zebramail.com"]


# index


def test_versions_that_no_date_tells_apart_are_told_with_what_to_do(policies: Path, tmp_path: Path) -> None:
    (tmp_path / "Tarnwick").mkdir()
    for name, years in (("Privacy Policy.md", "two"), ("privacy-policy.txt", "three")):
        text = f"# Privacy Policy\n\nWe keep your letters for {years} years.\n"
        (tmp_path / "Tarnwick" / name).write_text(text, encoding="utf-8")
    done = run("index", "build", tmp_path / "Tarnwick", "--out", tmp_path / "index")
    assert done.exit_code == 0
    assert done.stderr.count("Undated: ") == 2
    assert "give its day as archived_on in privacy-policy.txt.meta.toml beside it" in done.stderr
    dated = tmp_path / "Tarnwick" / "privacy-policy.txt.meta.toml"
    dated.write_text("archived_on = 2024-03-01\n", encoding="utf-8")
    again = run("index", "build", tmp_path / "Tarnwick", "--out", tmp_path / "index")
    assert again.stderr.count("Undated: ") == 1


def test_a_bad_file_is_named_and_the_others_are_indexed(policies: Path, tmp_path: Path) -> None:
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\0\1\2")
    done = run("index", "build", policies / "acme.txt", binary, "--out", tmp_path / "index")
    assert done.exit_code == 3
    assert f"Left out: {binary}: binary (a zero byte at 0); convert it to text in UTF-8" in done.stderr
    assert "1 policies of 1 companies" in done.stdout


def test_a_file_name_cannot_command_the_terminal(policies: Path, tmp_path: Path) -> None:
    empty = tmp_path / "ring\x07.txt"
    empty.write_text("", encoding="utf-8")
    done = run("index", "build", policies / "acme.txt", empty, "--out", tmp_path / "index")
    assert (done.exit_code, "\x07" in done.stderr) == (3, False)


def test_an_update_embeds_only_what_is_new(policies: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    run("index", "build", policies / "acme.txt", "--out", out)
    done = run("index", "update", policies / "zebra.md", "--out", out)
    embedded, reused = map(int, re.findall(r"(\d+) texts embedded, (\d+) taken over", done.stdout)[0])
    assert (done.exit_code, "2 policies" in done.stdout, embedded > 0, reused > 0) == (0, True, True, True)


def test_an_update_without_paths_reads_the_files_of_the_index_again(policies: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "acme.txt", tmp_path / "index"
    source.write_text(ACME, encoding="utf-8")
    run("index", "build", source, "--out", out)
    source.write_text(ACME + "\nWe delete your calls after thirty days without being asked.\n", encoding="utf-8")
    run("index", "update", "--out", out)
    found = json.loads(
        run("search", "do you delete calls after thirty days?", "--json", "-k", "1", "--index", out).stdout
    )
    assert "thirty days" in found["hits"][0]["text"]


def test_a_file_that_is_gone_leaves_the_index_on_update(policies: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "zebra.md", tmp_path / "index"
    source.write_text(ZEBRA, encoding="utf-8")
    run("index", "build", policies / "acme.txt", source, "--out", out)
    source.unlink()
    done = run("index", "update", "--out", out)
    assert (done.exit_code, f"Gone: {source}" in done.stderr, "1 policies of 1 companies" in done.stdout) == (
        0,
        True,
        True,
    )


def test_show_tells_what_an_index_holds(index: Path) -> None:
    shown = dict(line.split(maxsplit=1) for line in run("index", "show", index).stdout.splitlines())
    assert (shown["companies"], shown["policies"], shown["passages"]) == ("2", "2", "3")


def test_verify_says_that_an_index_is_whole(index: Path) -> None:
    done = run("index", "verify", index)
    assert (done.exit_code, "whole" in done.stdout) == (0, True)


def test_verify_names_a_file_whose_bytes_have_changed(policies: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    run("index", "build", policies / "acme.txt", "--out", out)
    damaged = next(out.glob("versions/*/*/placements.npy"))
    data = bytearray(damaged.read_bytes())
    data[5] ^= 1
    damaged.write_bytes(data)
    done = run("index", "verify", out)
    assert (done.exit_code, "placements.npy" in done.stderr) == (1, True)


def test_a_build_says_what_it_did(policies: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    first = run("index", "build", policies, "--out", out).stdout
    again = run("index", "build", policies, "--out", out).stdout
    fewer = run("index", "build", policies / "acme.txt", "--out", out).stdout
    assert [line.splitlines()[0] for line in (first, again, fewer)] == [
        "Policies: 2 added, 0 removed, 0 kept",
        "Nothing has changed; the version there serves on",
        "Policies: 0 added, 1 removed, 1 kept",
    ]


def test_a_rollback_serves_the_version_before(policies: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    run("index", "build", policies, "--out", out)
    run("index", "build", policies / "acme.txt", "--out", out)
    done = run("index", "rollback", out)
    assert (done.exit_code, "serves again (2 policies)" in done.stdout) == (0, True)
    assert "policies   2" in run("index", "show", out).stdout
    assert run("index", "rollback", out).exit_code == 1


# Words for each outcome


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("sample")))


def shown(fake: FakeAssistant, question: str, **more: object) -> str:
    console = Console(file=StringIO(), width=100, highlight=False)
    print_answer(console, AskResponse.of(fake.ask(question, **more), took_ms=1.0))  # type: ignore[arg-type]
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_an_answer_opens_with_verdict_quote_company_heading_day_and_link(fake: FakeAssistant) -> None:
    said, _, passages = shown(fake, "does JivoChat notify me on acquisition?", k=1).partition("\nPassages:\n")
    assert passages.startswith("  1. JivoChat · Privacy Policy · “Legal Matters”")
    assert said == (
        "No.\n"
        "“We are not obligated to notify Web site users of any such transaction.”\n"
        "JivoChat · Privacy Policy · “Legal Matters” · archived 2015-03-20, effective 2014-10-17\n"
        "https://web.archive.org/web/20150320040234id_/https%3A//www.jivochat.com/privacy\n"
    )


def test_a_policy_that_does_not_say_is_told_before_the_nearest_passages(fake: FakeAssistant) -> None:
    said = shown(fake, "can I download my data from Mailigen?", k=1)
    assert said.startswith("The policy of Mailigen does not say.\n\nNearest passages:\n  1. Mailigen · ")


def test_a_named_company_without_an_answer_is_told_beside_one_with(fake: FakeAssistant) -> None:
    said = shown(fake, "what if it is sold, JivoChat and Mailigen?", k=1)
    assert "\nThe policy of Mailigen does not say.\n" in said


def test_an_unknown_company_is_told_with_the_nearest_names(fake: FakeAssistant) -> None:
    assert shown(fake, "does Jivochta tell?") == "No policy of Jivochta is in this index.\nNearest names: JivoChat\n"


def test_small_talk_gets_its_reply_and_a_company_beside_those_given_is_not_called_unknown(fake: FakeAssistant) -> None:
    asked = AskResponse.of(fake.ask("does Jivochta tell?"), took_ms=1.0)
    for members, limited in (
        ({"outcome": "out_of_scope", "answer": "Hello! Ask me.", "unknown_companies": []}, False),
        ({"answer": "This chat covers JivoChat."}, True),
    ):
        console = Console(file=StringIO(), width=100, highlight=False)
        print_answer(console, asked.model_copy(update=members), limited=limited)
        assert isinstance(console.file, StringIO)
        assert console.file.getvalue() == f"{members['answer']}\n"


def test_a_question_out_of_scope_gets_no_passages(fake: FakeAssistant) -> None:
    assert shown(fake, "how is the weather?") == "This is not a question about a privacy policy.\n"


def test_a_follow_up_shows_how_it_was_understood(fake: FakeAssistant) -> None:
    said = shown(fake, "and Mailigen?", history=["what if JivoChat is sold?"])
    assert said.startswith("Understood as: what if JivoChat is sold? and Mailigen?\n")


def test_a_policy_cannot_command_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "acme.txt").write_text(ACME.replace("to anybody", "to \x1b]0;anybody\x07"), encoding="utf-8")
    run("index", "build", tmp_path, "--out", tmp_path / "index")
    console = Console(file=StringIO(), width=100, force_terminal=True, color_system=None)
    index = PolicyIndex.open(tmp_path / "index", embedder=TinyEmbedder())
    assistant = Assistant(index, TinyEmbedder(), reader=open_reader())
    print_hits(console, SearchResponse.of(assistant.search("do you sell my personal data?"), "1").hits)
    assert isinstance(console.file, StringIO)
    assert "to \ufffd]0;anybody" in console.file.getvalue()


# serve, and the whole with the real model


def test_ask_prints_what_the_http_service_returns(index: Path) -> None:
    question = "does ZebraMail sell my email address to advertisers?"
    printed = json.loads(run("ask", question, "--json", "--index", index).stdout)
    opened = PolicyIndex.open(index, embedder=TinyEmbedder())
    assistant = Assistant(opened, TinyEmbedder(), reader=open_reader())
    with served(create_app(assistant, Settings())) as address:
        returned = httpx.post(f"{address}/v1/ask", json={"question": question}, timeout=30).json()
    assert printed | {"took_ms": 0} == returned | {"took_ms": 0}


def test_serve_prints_its_address_answers_there_and_stops_on_ctrl_c(index: Path) -> None:
    program = (
        "from api.command.cli import main; from tests.tiny import TinyEmbedder; main(lambda settings: TinyEmbedder())"
    )
    process = start("serve", "--index", index, "--port", "0", program=["-c", program])
    try:
        assert process.stdout is not None
        address = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        assert "<askpolicy-chat page>" in httpx.get(address, timeout=30).text
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=15)
        assert (process.returncode, said, len(told.splitlines())) == (0, "", 1)
        assert "GET" in told
    finally:
        process.kill()
        process.wait()


def test_with_no_index_named_the_sample_is_built_and_answers(tmp_path: Path) -> None:
    process = start(
        "ask", "does JivoChat notify me on acquisition?", "--json", env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    )
    said, told = process.communicate(timeout=280)
    assert process.returncode == 0, told
    best = json.loads(said)["passages"][0]
    assert (best["company"]["id"], "We are not obligated to notify" in best["text"]) == ("jivochat.com", True)
    assert list((tmp_path / "askpolicy").glob("sample-*/CURRENT"))
