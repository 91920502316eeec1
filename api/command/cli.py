"""The command `askpolicy`. It does not know how anything is done: each command opens what it needs and prints.

Exit status: 0 done, 1 an error that is told in one line, 2 wrong usage, 3 done without the files or addresses that are
named.
Heavy libraries are imported by the commands that need them, so that `askpolicy --help` is instant.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import fields, replace
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from api.command.keys import keys
from api.settings import Settings, default_words, flag, likely_misspelt, variable
from index.errors import AskPolicyError, IndexFolderError
from index.whole_file import whole_file

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from api.command.changes import FlipsOf
    from api.serving.opening import FolderOpener
    from index.build import BuildReport
    from index.embedding import Embedder
    from index.sources.folder import Progress
    from qa.assistant import Assistant
    from qa.checklists.checklist import Item

EXIT_LEFT_OUT = 3
_ERROR, _INTERRUPTED = 1, 130
_READY_WITHIN_S = 300.0
# the first file descriptor that systemd passes
_SYSTEMD_FD = 3
_STAGES = {"read": "Reading files", "split": "Splitting into passages", "embed": "Embedding", "compare": "Comparing"}


class BadAddress(AskPolicyError):
    """An address that the service cannot listen on."""


class NotInstalled(AskPolicyError):
    """What a command needs and a plain installation does not have."""


class _Group(click.Group):
    """Commands whose errors are one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        try:
            return super().invoke(ctx)
        except AskPolicyError as error:
            _say(f"Error: {error}")
            ctx.exit(_ERROR)
        except BrokenPipeError:  # whoever read the output has gone: `main` ends quietly
            raise
        except OSError as error:
            _say(f"Error: {_in_words(error)}")
            ctx.exit(_ERROR)


def main(open_with: "Callable[[Settings], Embedder] | None" = None) -> None:
    """The entry point: as `askpolicy`, and quiet where its reader has gone or Ctrl-C was pressed.

    Args:
        open_with: what opens the embedding model; None means `api.serving.opening.open_embedder`.
    """
    try:
        status = askpolicy(standalone_mode=False, obj=open_with)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted.")
        status = _INTERRUPTED
    except BrokenPipeError:
        # Python would tell of the closed pipe once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else _ERROR
    sys.exit(status if isinstance(status, int) else 0)


_index_option = click.option(
    "--index",
    "index_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The index folder; left out: $ASKPOLICY_INDEX, or else the sample index, built once.",
)
_model_option = click.option(
    "--model",
    help="A sentence-transformers model by name or folder; left out: $ASKPOLICY_MODEL, or else the embedded one.",
)
_out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The index folder to write."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print the same JSON as the HTTP service.")
_company_option = click.option(
    "--company",
    "companies",
    metavar="COMPANY",
    multiple=True,
    help="Only this company's passages: its id, name, alias or domain; may be given several times.",
)
_k_option = click.option("-k", "k", type=int, default=5, show_default=True, help="How many passages at most, 1 to 100.")
_reader_option = click.option(
    "--reader",
    help="What reads the best passages: shipped, none or a folder; left out: $ASKPOLICY_READER, or else shipped.",
)
_DAY = click.DateTime(["%Y-%m-%d"])
_as_of_option = click.option(
    "--as-of",
    metavar="DATE",
    type=_DAY,
    help="Answer from the versions that were in force on this day, such as 2015-03-20.",
)

_companies_option = click.option(
    "--companies",
    metavar="NAMES",
    multiple=True,
    help="Ids, names, aliases or domains, by commas; may be given several times; left out: all of the index.",
)
_checklist_option = click.option(
    "--checklist", metavar="NAME|FILE.toml", help="Ask its items; `askpolicy checklists` lists those that ship."
)
_questions_option = click.option(
    "--questions",
    "lists",
    metavar="FILE",
    multiple=True,
    type=click.File("rb"),
    help="A file of questions, one a line; what follows # is a comment; - reads standard input.",
)
_out_file_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; left out: standard output."
)


_HELP = """Ask a question about companies' privacy policies.

The answer is the passage that says so, with its company and date; or an honest word that the policy does not say.

\b
askpolicy ask "does JivoChat notify me on acquisition?"
askpolicy index build policies/ --out my-index
askpolicy serve --index my-index
"""


@click.group(cls=_Group, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="askpolicy", prog_name="askpolicy")
def askpolicy() -> None:
    """Every command of askpolicy."""


@askpolicy.command()
@click.argument("question")
@_company_option
@_index_option
@_model_option
@_k_option
@click.option(
    "--history",
    metavar="QUESTION",
    multiple=True,
    help="An earlier question of the same chat, oldest first; may be given several times.",
)
@_as_of_option
@click.option(
    "--offset",
    type=click.IntRange(0, 1_000_000),
    default=0,
    help="Ask the companies after so many, where there are more than are asked at once.",
)
@_reader_option
@_json_option
def ask(
    question: str,
    *,
    companies: tuple[str, ...],
    index_folder: Path | None,
    model: str | None,
    k: int,
    history: tuple[str, ...],
    as_of: datetime | None,
    offset: int,
    reader: str | None,
    as_json: bool,
) -> None:
    """Answer QUESTION with the passage that says so, its company, its date and its link."""
    from api.command.terminal import print_answer
    from api.wire.schemas import AskResponse

    settings = _settings(index=index_folder, model=model, reader=reader)
    _check(question, k)
    assistant = _assistant(settings)
    began = time.perf_counter()
    answer = assistant.ask(question, companies=companies, history=history, k=k, as_of=_day(as_of), offset=offset)
    response = AskResponse.of(answer, took_ms=1_000 * (time.perf_counter() - began))
    if as_json:
        _print_json(response)
    else:
        print_answer(_console(), response, limited=bool(companies))


@askpolicy.command()
@click.argument("question")
@_company_option
@_index_option
@_model_option
@_k_option
@_as_of_option
@_json_option
def search(
    question: str,
    *,
    companies: tuple[str, ...],
    index_folder: Path | None,
    model: str | None,
    k: int,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """List the passages nearest to QUESTION, best first, without judging whether they answer."""
    from api.command.terminal import print_hits
    from api.wire.schemas import SearchResponse

    settings = _settings(index=index_folder, model=model)
    _check(question, k)
    assistant = _assistant(settings)
    ranking = assistant.search(question, companies=companies, k=k, as_of=_day(as_of))
    response = SearchResponse.of(ranking, assistant.index.manifest.version)
    if as_json:
        _print_json(response)
    else:
        print_hits(_console(), response.hits)


@askpolicy.command()
@_index_option
@_model_option
@_json_option
def companies(*, index_folder: Path | None, model: str | None, as_json: bool) -> None:
    """List the companies whose policies are in the index, with their other names and their policies."""
    from api.command.terminal import print_companies
    from api.serving.opening import open_index
    from api.wire.schemas import CompaniesResponse

    settings = _settings(index=index_folder, model=model)
    with _progress() as progress:
        listed = CompaniesResponse.of(open_index(settings, _embedder(settings), progress=progress))
    if as_json:
        _print_json(listed)
    else:
        print_companies(_console(), listed)


@askpolicy.command()
@click.argument("questions", nargs=-1)
@_companies_option
@_checklist_option
@_questions_option
@_as_of_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "md", "jsonl", "html", "xlsx"]),
    default="table",
    show_default=True,
    help="How the table is written; xlsx needs `pip install 'askpolicy[tables]'`.",
)
@_out_file_option
@click.option("--resume", is_flag=True, help="Go on with the run that was stopped while it made --out.")
@_index_option
@_model_option
@_reader_option
def compare(
    questions: tuple[str, ...],
    *,
    companies: tuple[str, ...],
    checklist: str | None,
    lists: tuple[BinaryIO, ...],
    as_of: datetime | None,
    form: str,
    out: Path | None,
    resume: bool,
    index_folder: Path | None,
    model: str | None,
    reader: str | None,
) -> None:
    """Put each of QUESTIONS to every company: a table whose cells say what `ask` says of that company alone.

    With --out, cells are kept as they are found in FILE.journal.jsonl: a run that was stopped goes on with --resume.
    """
    from api.command.compare import Wanted, names_in
    from api.command.compare import compare as write_comparison

    settings = _settings(index=index_folder, model=model, reader=reader)
    title, items = _asked(questions, lists, checklist)
    wanted = Wanted(title, items, tuple(names_in(companies)), _day(as_of), form, out, resume)
    assistant = _assistant(settings)
    with _progress() as progress:
        write_comparison(assistant, wanted, tell=lambda done, all_of_it: progress("compare", done, all_of_it))


@askpolicy.command()
@click.argument("questions", nargs=-1)
@_companies_option
@_checklist_option
@_questions_option
@_as_of_option
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="The least score of a passage."
)
@click.option(
    "--depth",
    type=click.IntRange(1, 1_000),
    default=3,
    show_default=True,
    help="Passages of each company that are read for each question; with more than 3, scores are not those of `ask`.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "parquet"]),
    default="jsonl",
    show_default=True,
    help="How spans are written; parquet needs `pip install 'askpolicy[tables]'`.",
)
@_out_file_option
@_index_option
@_model_option
@_reader_option
def spans(
    questions: tuple[str, ...],
    *,
    companies: tuple[str, ...],
    checklist: str | None,
    lists: tuple[BinaryIO, ...],
    as_of: datetime | None,
    threshold: float,
    depth: int,
    form: str,
    out: Path | None,
    index_folder: Path | None,
    model: str | None,
    reader: str | None,
) -> None:
    """Tell every sentence that answers QUESTIONS, with its offsets and scores, as JSON lines or Parquet."""
    from api.command.compare import names_in
    from api.command.spans import check_writable, write_spans

    settings = _settings(index=index_folder, model=model, reader=reader)
    _, items = _asked(questions, lists, checklist)
    check_writable(form, out)
    comparison = _assistant(settings).compare(
        [item.question for item in items], companies=names_in(companies), as_of=_day(as_of)
    )
    write_spans(comparison, form, out, threshold=threshold, depth=depth)


@askpolicy.command()
@click.argument("name", required=False)
def checklists(*, name: str | None) -> None:
    """List the checklists that ship; with NAME, or a file of your own, show its items and check them."""
    from qa.checklists.checklist import open_checklist, shipped_checklist, shipped_names

    if name is None:
        for each in map(shipped_checklist, shipped_names()):
            click.echo(f"{each.name:<12} {each.title} ({len(each.items)} items)")
        return
    shown = open_checklist(name)
    click.echo(_one_line(f"{shown.title}\n{shown.about}"))
    for item in shown.items:
        click.echo(_one_line(f"\n{item.id}: {item.question}\n  answers: {', '.join(item.answers)}"))
        for label, words in (("silence", item.silence), ("source", item.source)):
            if words:
                click.echo(_one_line(f"  {label}: {words}"))


@askpolicy.command()
@_company_option
@click.option("--since", metavar="DAY", type=_DAY, help="Only versions recorded on this day or later.")
@click.option("--until", metavar="DAY", type=_DAY, help="Only versions recorded on this day or earlier.")
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    multiple=True,
    help="Only documents of this type, such as Privacy Policy; repeatable.",
)
@click.option("--technical", is_flag=True, help="List technical changes too, which are else only counted.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "md"]),
    default="text",
    show_default=True,
    help="How it is printed; json: one object a line, as GET /v1/changes lists them.",
)
@click.option(
    "--checklist",
    metavar="NAME|FILE.toml",
    help="Tell with each version which of its questions are answered otherwise; each is asked twice a version.",
)
@_index_option
@_model_option
@_reader_option
def changes(
    *,
    companies: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    types: tuple[str, ...],
    technical: bool,
    form: str,
    checklist: str | None,
    index_folder: Path | None,
    model: str | None,
    reader: str | None,
) -> None:
    """List what changed in the policies, version by version and passage by passage, the newest first.

    Each changed passage is listed once: added, removed, reworded with the words that changed, or moved. Changes of form
    alone (markup, numbering, the day of the last update) and those of an archive's own tools are technical.
    """
    from api.command.changes import print_changes
    from api.serving.opening import open_index
    from qa.changes import Period, every_change
    from qa.checklists.checklist import open_checklist
    from qa.question.mentions import CompanyNames

    questions = [item.question for item in open_checklist(checklist).items] if checklist is not None else []
    period = Period(_day(since), _day(until))
    settings = _settings(index=index_folder, model=model, reader=reader)
    assistant = _assistant(settings) if questions else None
    if assistant:
        opened = assistant.index
    else:
        with _progress() as progress:
            opened = open_index(settings, _embedder(settings), progress=progress)
    names = CompanyNames(list(opened.companies.values()), lower_case_words=opened.words)
    ids = list(dict.fromkeys(names.given(name).id for name in companies)) or sorted(opened.companies)
    found = every_change(opened, ids, period=period, types=types)
    flips_of = _flips_of(assistant, questions)
    if not print_changes(_console(), found, form=form, technical=technical, flips_of=flips_of):
        _say("Nothing changed.")


def _flips_of(assistant: "Assistant | None", questions: list[str]) -> "FlipsOf":
    """What tells which of `questions` flipped with a version; nothing does without an assistant."""
    from qa.flips import checked

    if assistant is None:
        return lambda _: None
    if not assistant.calibrated:
        _say("The models are not calibrated, so no verdict can be told to have flipped.")
    return lambda changed: checked(assistant, changed, questions).flips


@askpolicy.command()
@click.argument("addresses", metavar="[URL]...", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to store snapshots in."
)
@click.option(
    "--from",
    "lists",
    metavar="FILE",
    multiple=True,
    type=click.File("rb"),
    help="A file of addresses, one a line; what follows # is a comment; - reads standard input.",
)
@click.option(
    "--allow-private", is_flag=True, help="Reach private, loopback and other addresses that are not public, too."
)
def fetch(*, addresses: tuple[str, ...], out: Path, lists: tuple[BinaryIO, ...], allow_private: bool) -> None:
    """Store a snapshot of the policy at each URL in a folder, its address and date in a sidecar beside it.

    An index is built of that folder by `askpolicy index build`. HTML, PDF, DOCX, Markdown and plain text are stored
    as served, in a folder for each host. robots.txt is obeyed. What became of each address is printed on a line of
    its own: ok, unchanged, refused or failed; the exit status is 3 where one was refused or failed.
    """
    from index.sources.fetch import Fetcher, FetchOutcome
    from index.sources.fetch_address import anywhere, is_public

    wanted = list(dict.fromkeys([*addresses, *(line for file in lists for line in _listed(file))]))
    if not wanted:
        raise click.UsageError("no address is given: name one, or a file of them with --from")
    fetcher = Fetcher(out, may_reach=anywhere if allow_private else is_public)
    left_out = False
    for number, address in enumerate(wanted, start=1):
        if sys.stderr.isatty():
            _say(f"Fetching {number:,} of {len(wanted):,}")
        fetched = fetcher.fetch(address)
        left_out |= fetched.outcome not in (FetchOutcome.OK, FetchOutcome.UNCHANGED)
        click.echo(_one_line(f"{fetched.outcome:<10} {fetched.address}: {fetched.path or fetched.reason}"))
    if left_out:
        click.get_current_context().exit(EXIT_LEFT_OUT)


def _settings_options(command: "Callable[..., None]") -> "Callable[..., None]":
    """`command` with a flag for every setting; one that is not given is None."""
    for each in reversed(fields(Settings)):
        words = f"{each.metadata['words']} [{variable(each)}; default: {default_words(each)}]"
        if isinstance(each.default, bool):
            option = click.option(f"{flag(each)}/--no-{flag(each)[2:]}", each.name, default=None, help=words)
        else:
            option = click.option(flag(each), each.name, type=each.metadata["kind"], default=None, help=words)
        command = option(command)
    return command


@askpolicy.command()
@_settings_options
def serve(**given: Any) -> None:
    """Serve the chat page and the HTTP API, and print the address.

    Every flag can be given as an environment variable instead, which its help names. On another address than loopback
    it asks for API keys (`askpolicy keys`), or for --open-to-all.
    """
    from api.observability.logs import show_logs
    from api.serving.server import serve, serve_by_workers

    settings = _settings(**given)
    for strange, meant in likely_misspelt(os.environ).items():
        _say(f"Warning: {strange} is no setting; did you mean {meant}?")
    with _listening(settings.host, settings.port) as listener:
        settings = replace(settings, host=listener.getsockname()[0])
        _check_open(settings)
        show_logs(settings)
        if settings.workers > 1:
            _open_once(settings)
            listener.listen()
            threading.Thread(target=_say_when_ready, args=(listener,), daemon=True).start()
            serve_by_workers(listener, settings)
            return
        from api.app import create_app

        with _progress() as progress:
            opener = _opener(settings, progress)
            app = create_app(opener, settings, opened=opener.open())
        listener.listen()
        _say_address(listener)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a server is stopped
            serve(app, listener, settings)


@askpolicy.command("mcp")
@click.option("--http", is_flag=True, help="Serve over HTTP instead: all that `askpolicy serve` does, MCP at /mcp.")
@_settings_options
@click.pass_context
def serve_mcp(context: click.Context, /, *, http: bool, **given: Any) -> None:
    """Answer assistants by the Model Context Protocol (MCP), on standard input and output.

    The tools ask, search, list_companies and read_policy are what an assistant calls. On standard input and output the
    flags that concern the network count for nothing: only the program that started this one reaches it.
    """
    from api import mcp

    if not mcp.is_installed():
        raise NotInstalled("MCP's SDK is not installed: pip install 'askpolicy[mcp]'")
    if http:
        context.invoke(serve, **given)
        return
    from api.app import create_app
    from api.mcp.server import run_on_stdio
    from api.observability.logs import show_logs

    asked = _settings(**given)
    # who may ask, and how often, concerns the network alone
    local = {each: getattr(Settings(), each) for each in ("host", "keys", "page_token", "hosts", "proxies")}
    settings = replace(asked, **local, rate_per_address="0", workers=1)
    show_logs(settings)
    with _progress() as progress:
        opener = _opener(settings, progress)
        app = create_app(opener, settings, opened=opener.open())
    run_on_stdio(app)


askpolicy.add_command(keys)


@askpolicy.group()
def index() -> None:
    """Build, update, show, verify, roll back, export and import index folders."""


_history_option = click.option(
    "--history",
    "histories",
    metavar="REPO",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A git repository of Open Terms Archive, or its dataset's zip: every version of every document. Repeatable.",
)


@index.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@_history_option
@_out_option
@_model_option
def build(*, paths: tuple[Path, ...], histories: tuple[Path, ...], out: Path, model: str | None) -> None:
    """Build an index of the policies at PATH: HTML, PDF, DOCX, Markdown and text files, and folders of them.

    Every file is indexed or named with the reason why not, and then the exit status is 3. A `companies.toml` beside the
    policies corrects companies' names, a `NAME.meta.toml` beside a file tells what is known of it. An index that is
    there before serves until the new one is whole.
    """
    from index.build import build as build_index

    if not paths and not histories:
        raise click.UsageError("nothing to index: give files or folders of policies, or --history REPO")
    settings = _settings(model=model)
    embedder = _embedder(settings)
    with _progress() as progress:
        report = build_index(paths, out, embedder=embedder, histories=histories, progress=progress)
    _tell(report, out)


@index.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@_history_option
@_out_option
@_model_option
def update(*, paths: tuple[Path, ...], histories: tuple[Path, ...], out: Path, model: str | None) -> None:
    """Bring an index up to date: read again what it was built of, and add PATH and REPO.

    Only text that is new or changed is embedded. Files that are gone leave the index.
    """
    from index.build import build as build_index
    from index.policy_index import PolicyIndex

    embedder = _embedder(_settings(model=model))
    manifest = PolicyIndex.open(out, embedder=embedder).manifest
    sources, archives = (_still_there(each) for each in (manifest.sources, manifest.histories))
    with _progress() as progress:
        report = build_index(
            [*sources, *paths], out, embedder=embedder, histories=[*archives, *histories], progress=progress
        )
    _tell(report, out)


def _still_there(sources: Iterable[str]) -> list[Path]:
    """Those of `sources` that exist; the others are named."""
    paths = [Path(source) for source in sources]
    for gone in (path for path in paths if not path.exists()):
        _say(f"Gone: {gone}")
    return [path for path in paths if path.exists()]


@askpolicy.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@_history_option
@click.option(
    "--index",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The index folder; it is built where there is none.",
)
@click.option(
    "--snapshots",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that snapshots of addresses among the sources are stored in.",
)
@click.option("--allow-private", is_flag=True, help="Fetch from private and loopback addresses, too.")
@click.option("--webhook", "address", metavar="URL", help="Post what changed to this address as well, signed.")
@click.option(
    "--webhook-secret-file",
    "secret_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The file of the secret that signs; left out: $ASKPOLICY_WEBHOOK_SECRET.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "md"]),
    default="text",
    show_default=True,
    help="How what changed is printed.",
)
@_model_option
def watch(
    *,
    sources: tuple[str, ...],
    histories: tuple[Path, ...],
    folder: Path,
    snapshots: Path | None,
    allow_private: bool,
    address: str | None,
    secret_file: Path | None,
    form: str,
    model: str | None,
) -> None:
    """Read the sources of an index again, and every SOURCE, and report what changed since the last report.

    SOURCE is a file or folder of policies, or an address, which is fetched into --snapshots. It is made for cron: the
    exit status is 0 where nothing changed, 10 where something did, 3 where nothing did and a source was left out, 1
    after an error, 2 for wrong usage. The first run reports nothing. What was not delivered to the webhook is
    delivered by the next run, before it reads anything.
    """
    from api.command.changes import print_changes, print_gone
    from api.command.watch import EXIT_CHANGED, Report, Watch
    from api.command.webhook import SECRET_VARIABLE, Webhook, read_secret

    addresses = [source for source in sources if re.match(r"https?://", source, re.IGNORECASE)]
    paths = [Path(source) for source in sources if source not in addresses]
    if addresses and snapshots is None:
        raise click.UsageError("an address is to be fetched: name the folder of its snapshots with --snapshots")
    webhook = Webhook(address, read_secret(secret_file, os.environ.get(SECRET_VARIABLE))) if address else None

    def show(report: Report) -> None:
        print_changes(_console(), report.changes.versions, form=form, technical=False)
        print_gone(_console(), report.changes.gone, form=form)

    embedder = _embedder(_settings(model=model))
    watching = Watch(folder, embedder, show=show, say=_say, webhook=webhook)
    changed = watching.report(date.today())
    left_out = _fetched(addresses, snapshots, allow_private=allow_private) if snapshots else False
    left_out |= _built_again(folder, [*paths, *([snapshots] if addresses and snapshots else [])], histories, embedder)
    changed |= watching.report(date.today())
    click.get_current_context().exit(EXIT_CHANGED if changed else EXIT_LEFT_OUT if left_out else 0)


def _fetched(addresses: Sequence[str], snapshots: Path, *, allow_private: bool) -> bool:
    """Store what stands at `addresses` now; whether one of them was refused or failed, which is told."""
    from index.sources.fetch import Fetcher, FetchOutcome
    from index.sources.fetch_address import anywhere, is_public

    fetcher = Fetcher(snapshots, may_reach=anywhere if allow_private else is_public)
    bad = [
        fetched
        for fetched in map(fetcher.fetch, addresses)
        if fetched.outcome not in (FetchOutcome.OK, FetchOutcome.UNCHANGED)
    ]
    for fetched in bad:
        _say(f"Left out: {fetched.address}: {fetched.outcome}: {fetched.reason}")
    return bool(bad)


def _built_again(folder: Path, paths: Sequence[Path], histories: Sequence[Path], embedder: "Embedder") -> bool:
    """Read what the index in `folder` was built of and `paths` again; whether a file was left out, which is told."""
    from index.build import build as build_index
    from index.errors import IndexMissing
    from index.manifest import current_version

    try:
        known = current_version(folder)[1]
    except IndexMissing:
        known = None
    sources = [*(_still_there(known.sources) if known else []), *paths]
    archives = [*(_still_there(known.histories) if known else []), *histories]
    if not sources and not archives:
        raise click.UsageError("nothing to watch: give files or folders of policies, addresses, or --history REPO")
    each, all_archives = (list(dict.fromkeys(path.absolute() for path in found)) for found in (sources, archives))
    with _progress() as progress:
        report = build_index(each, folder, embedder=embedder, histories=all_archives, progress=progress)
    for error in report.refused:
        _say(f"Left out: {error}")
    return bool(report.refused)


@index.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def show(*, folder: Path) -> None:
    """Show what the index in DIR holds, and what made it."""
    from index.manifest import current_version

    _, manifest = current_version(folder)
    size = sum(seal.size for seal in manifest.files.values())
    rows = {
        "version": manifest.version,
        "built at": manifest.built_at,
        "model": f"{manifest.model} ({manifest.model_hash[:12]}, {manifest.dimension} dimensions)",
        "companies": f"{manifest.companies:,}",
        "policies": f"{manifest.policies:,}",
        "passages": f"{manifest.passages:,}",
        "sentences": f"{manifest.sentences:,}",
        "size": f"{size / 1_000_000:,.1f} MB in {len(manifest.files)} files",
        "format": str(manifest.format),
    }
    for name, value in rows.items():
        click.echo(f"{name:<10} {value}")


@index.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def verify(*, folder: Path) -> None:
    """Check every file of the index in DIR against its checksum; exit 1 and name the files that differ."""
    from index.manifest import current_version, damaged_files

    where, manifest = current_version(folder)
    damaged = damaged_files(where, manifest)
    if damaged:
        raise IndexFolderError(f"{where}: damaged: {', '.join(damaged)}; run `askpolicy index build` again")
    click.echo(f"{where}: whole ({len(manifest.files)} files)")


@index.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def rollback(*, folder: Path) -> None:
    """Serve the version before the one that serves now from the index in DIR, once it is proved whole.

    The version before the last build is kept; the next build publishes a newer one again.
    """
    from index.manifest import roll_back

    manifest = roll_back(folder)
    click.echo(f"{folder}: {manifest.version} of {manifest.built_at} serves again ({manifest.policies:,} policies)")


@index.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def export(*, folder: Path, file: Path) -> None:
    """Write the index version that serves in DIR to FILE, an archive for `index import`; - is standard output.

    It may be updated meanwhile: one version is written, once each of its files is proved whole.
    """
    from index.transfer import export_index

    if file == Path("-"):
        if sys.stdout.isatty():
            raise click.UsageError("the archive is no text for a terminal: give a FILE, or pipe it somewhere")
        export_index(folder, sys.stdout.buffer)
        return
    with whole_file(file) as archive:
        manifest = export_index(folder, archive)
    size = file.stat().st_size
    click.echo(f"{file}: version {manifest.version} ({manifest.policies:,} policies) in {size / 1_000_000:,.1f} MB")


@index.command("import")
@click.argument("archive", metavar="FILE", type=click.File("rb"))
@_out_option
@_model_option
def import_(*, archive: BinaryIO, out: Path, model: str | None) -> None:
    """Serve the index version in FILE, which `index export` wrote, from the index folder --out; - is standard input.

    Nothing is published before every file is proved whole and the index has opened. A running service takes it over as
    it does a newly built one, and `index rollback` goes back to the version before.
    """
    from index.transfer import import_index

    manifest = import_index(archive, out, embedder=_embedder(_settings(model=model)))
    click.echo(f"{out}: {manifest.version} of {manifest.built_at} serves ({manifest.policies:,} policies)")


def _asked(
    questions: Sequence[str], lists: Sequence[BinaryIO], checklist: str | None
) -> "tuple[str, tuple[Item, ...]]":
    """A title, and the items of the checklist, the questions given and those of `lists`, in this order."""
    from api.command.compare import items_of

    return items_of([*questions, *(question for file in lists for question in _listed(file))], checklist)


def _listed(file: BinaryIO) -> list[str]:
    """The addresses in a file of one a line; a # that ends none begins a comment."""
    try:
        lines = file.read().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file.name} is not UTF-8 ({error})", param_hint="--from") from error
    found = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)
    return [address for address in found if address]


def _check_open(settings: Settings) -> None:
    """Nothing, if whoever reaches the address may ask.

    Raises:
        BadAddress: others than this machine reach it, and no key is asked for.
    """
    from api.guard.access import is_local

    if not (is_local(settings) or settings.keys or settings.open_to_all):
        who = "a proxy brings others to" if settings.proxies else "others than this machine reach"
        raise BadAddress(
            f"{who} {settings.host}, and no API key is asked for: make one with "
            f"`askpolicy keys add NAME --keys FILE` and give --keys FILE, or --open-to-all if anybody may ask"
        )


def _open_once(settings: Settings) -> None:
    """Let a process open what each worker will; what is wrong is told once, before any of them begins."""
    done = subprocess.run(
        [sys.executable, "-m", "api.serving.worker"], env=os.environ | settings.as_environment(), check=False
    )
    if done.returncode:
        click.get_current_context().exit(_ERROR)


def _address(listener: socket.socket) -> str:
    address, number = listener.getsockname()[:2]
    return f"http://[{address}]:{number}" if ":" in address else f"http://{address}:{number}"


def _say_address(listener: socket.socket) -> None:
    click.echo(f"askpolicy answers at {_address(listener)} (Ctrl-C stops it)")
    sys.stdout.flush()


def _say_when_ready(listener: socket.socket) -> None:
    """Print the address once a worker answers at it."""
    import http.client

    address, number = listener.getsockname()[:2]
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - asked, not listened on
    give_up_at = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < give_up_at:
        asking = http.client.HTTPConnection(reached, number, timeout=5)
        with suppress(OSError), closing(asking):
            asking.request("GET", "/healthz", headers={"Host": "localhost"})
            if asking.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR:
                _say_address(listener)
                return
        time.sleep(0.1)


def _settings(**given: Any) -> Settings:
    """The environment's settings, with the options that were given instead."""
    settings = Settings.from_environment(os.environ)
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


def _embedder(settings: Settings) -> "Embedder":
    """The embedding model of `settings`, opened by whatever the command was given as its context's object."""
    open_with = click.get_current_context().obj
    if open_with is None:
        from api.serving.opening import open_embedder

        open_with = open_embedder
    embedder: Embedder = open_with(settings)
    return embedder


def _opener(settings: Settings, progress: "Progress") -> "FolderOpener":
    from api.serving.opening import FolderOpener

    return FolderOpener(settings, _embedder(settings), progress=progress)


def _assistant(settings: Settings) -> "Assistant":
    """The assistant of `settings`, with a progress bar where its index must be built first."""
    with _progress() as progress:
        return _opener(settings, progress).open()


def _check(question: str, k: int) -> None:
    """Raise what the question would raise, before seconds are spent on opening anything."""
    from qa.assistant import checked_k
    from qa.question.understanding import checked_question

    checked_question(question)
    checked_k(k)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _print_json(response: "BaseModel") -> None:
    click.echo(json.dumps(response.model_dump(mode="json"), ensure_ascii=False, indent=2))


def _say(line: str) -> None:
    click.echo(_one_line(line), err=True)


def _one_line(line: str) -> str:
    """`line` as it may be printed, whatever a file's name holds: a terminal obeys control characters."""
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", "?", line)


def _in_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check that the path may be read and written, and that the disk has space"


def _tell(report: "BuildReport", out: Path) -> None:
    """Name the refused files on stderr, say what was indexed, and exit 3 where any were refused."""
    from index.language.detect import language_name

    for error in report.refused:
        _say(f"Left out: {error}")
    for policy in report.undated:
        _say(
            f"Undated: {policy.path}: no date tells it from another version of the same policy, so each answers; "
            f"give its day as archived_on in {Path(policy.path).name}.meta.toml beside it"
        )
    for language in sorted({policy.language for policy in report.unread}):
        mine = [policy.path for policy in report.unread if policy.language == language]
        _say(f"Not read: {len(mine):,} in {language_name(language)}, such as {mine[0]}; answers about them say so")
    manifest = report.manifest
    changes = f"{report.added:,} added, {report.removed:,} removed, {report.kept:,} kept"
    click.echo(f"Policies: {changes}" if report.published else "Nothing has changed; the version there serves on")
    click.echo(
        f"{out}: {manifest.passages:,} passages of {manifest.policies:,} policies of {manifest.companies:,} companies; "
        f"{report.embedded:,} texts embedded, {report.reused:,} taken over"
    )
    if report.refused:
        click.get_current_context().exit(EXIT_LEFT_OUT)


def _silent(_stage: str, _done: int, _all_of_it: int) -> None:
    """No bar."""


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar for each stage, on stderr and only on a terminal."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    from api.command.terminal import RateColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, all_of_it: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES.get(stage, stage), total=all_of_it)
            # how much there is to embed is estimated until all is split
            bars.update(tasks[stage], completed=done, total=all_of_it)

        yield tell


def _is_socket_activated() -> bool:
    """Whether a socket is passed to this process (sd_listen_fds(3)); its children are not told so."""
    pid, count = (os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS"))
    if pid != str(os.getpid()) or count in ("", "0"):
        return False
    if count != "1":
        raise BadAddress(f"systemd passes {count[:20]} sockets, expected one ListenStream=")
    return True


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that is bound to the address before anything heavy is loaded, or the one that systemd holds for us.

    Raises:
        BadAddress: the address is taken, forbidden or not this machine's.
    """
    if _is_socket_activated():
        with socket.socket(fileno=_SYSTEMD_FD) as held:
            if held.family not in (socket.AF_INET, socket.AF_INET6):
                raise BadAddress("systemd passes a socket without a port, expected ListenStream=ADDRESS:PORT")
            yield held
        return
    with ExitStack() as opened:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = opened.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise BadAddress(
                f"cannot listen on {host}:{port} ({error.strerror or error}): give another --host or --port"
            ) from error
        yield listener


if __name__ == "__main__":
    main()
