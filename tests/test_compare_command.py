"""`askpolicy compare` and `checklists`: every format, a run that is stopped and goes on, and what is refused."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from filelock import FileLock

from api.tables.table import COLUMNS, safe
from index.build import build
from index.embedding import Embedder
from tests.conftest import SAMPLE
from tests.test_cli import ACME, ZEBRA, run, start
from tests.tiny import TinyEmbedder

SELLS = "do they sell personal data?"
# A policy may begin a sentence with what a spreadsheet takes for a formula.
FORMULA = "=HYPERLINK(1) we sell personal data to anybody.\n\n+1 sell personal data <script>alert(1)</script> | x"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "acme.txt").write_text(ACME, encoding="utf-8")
    (folder / "zebra.md").write_text(ZEBRA, encoding="utf-8")
    for name, text in (("Equals", FORMULA), ("@Mail", "We sell personal data.")):
        (folder / name).mkdir()
        (folder / name / "Privacy Policy.md").write_text(f"# {name} Privacy Policy\n\n{text}\n", encoding="utf-8")
    build([folder], folder / "index", embedder=TinyEmbedder())
    return folder / "index"


def compare(index: Path, *arguments: str | Path) -> str:
    result = run("compare", *arguments, "--index", index, "--reader", "none")
    assert result.exit_code == 0, result.output
    return result.stdout


def journal_of(out: Path) -> Path:
    return out.with_name(out.name + ".journal.jsonl")


# Formats


def test_csv_has_a_row_for_each_cell(index: Path):
    rows = list(csv.DictReader(io.StringIO(compare(index, SELLS, "how long is it kept?", "--format", "csv"))))
    assert len(rows) == 8
    assert tuple(rows[0]) == COLUMNS
    assert {row["question"] for row in rows} == {SELLS, "how long is it kept?"}


def test_no_text_of_a_csv_is_a_formula(index: Path):
    rows = list(csv.DictReader(io.StringIO(compare(index, SELLS, "--format", "csv"))))
    assert "'@Mail" in {row["company"] for row in rows}
    begins = {value[0] for row in rows for name, value in row.items() if value and name != "probability"}
    assert begins & set("=+-@\t\r") == set()


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\t=", "＝", "﻿-"])
def test_what_begins_like_a_formula_is_text(begins: str):
    assert str(safe(f"{begins}1"))[0] == "'" or begins == "﻿-"


def test_a_workbook_holds_the_table_and_the_cells_and_no_formula(index: Path, tmp_path: Path):
    pytest.importorskip("xlsxwriter", reason="needs the extra `tables`")
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra `test`")
    compare(index, SELLS, "--format", "xlsx", "--out", tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["Table", "Cells", "Questions"]
    assert {cell.data_type for sheet in book for row in sheet for cell in row if cell.value is not None} <= {"s", "n"}
    assert all(cell.quotePrefix for sheet in book for row in sheet for cell in row if cell.data_type == "s")
    assert book["Table"].max_row == 5


def test_a_workbook_without_its_library_is_refused_before_anything_is_asked(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.tables.workbook.find_spec", lambda name: None)
    result = run("compare", SELLS, "--format", "xlsx", "--out", tmp_path / "t.xlsx", "--index", index)
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "pip install 'askpolicy[tables]'" in result.stderr


def test_json_lines_hold_a_cell_each_with_its_place(index: Path):
    cells = [json.loads(line) for line in compare(index, SELLS, "--format", "jsonl").splitlines()]
    zebra = next(cell for cell in cells if cell["company"]["id"] == "zebramail.com")
    assert zebra["outcome"] in ("answered", "unclear")
    assert zebra["quotations"][0]["policy"]["archived_on"] == "2020-02-01"
    assert zebra["quotations"][0]["heading"] == "Sharing"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_the_page_shows_what_a_policy_says_and_runs_none_of_it(index: Path):
    page = _Page()
    content = compare(index, SELLS, "--format", "html")
    page.feed(content)
    assert page.tags.count("tr") == 5
    assert "script" not in page.tags
    assert "http-equiv" not in content


def test_markdown_obeys_nothing_that_a_policy_says(index: Path):
    shown = compare(index, SELLS, "--format", "md")
    assert "<script>" not in shown
    assert shown.count("\n| ") == 6


def test_the_terminal_shows_the_words_of_the_cells(index: Path):
    shown = compare(index, SELLS, "--companies", 'ZebraMail, "Nowhere, Inc."')
    assert "not in index" in shown
    assert "No policy of Nowhere, Inc. is in this index." in shown


def test_questions_come_from_files_and_checklists_too(index: Path, tmp_path: Path):
    (tmp_path / "asked.txt").write_text("# ours\nis data encrypted? # yes?\n\n", encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text('[[items]]\nid = "sale"\nquestion = "is data sold?"\nsilence = "Ask."\n', encoding="utf-8")
    given = ["--questions", tmp_path / "asked.txt", "--checklist", own, "--format", "jsonl", "--companies", "ZebraMail"]
    cells = [json.loads(line) for line in compare(index, *given).splitlines()]
    assert [(cell["question_id"], cell["question"]) for cell in cells] == [
        ("sale", "is data sold?"),
        ("q1", "is data encrypted?"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is nothing to ask"),
        (["--checklist", "gpdr"], "did you mean gdpr?"),
        ([SELLS, "--format", "xlsx"], "needs a file"),
        ([SELLS, "--resume"], "needs a file"),
        ([SELLS, "--out", "nowhere/t.csv"], "no such folder"),
        (["?"], "the question is empty"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(index: Path, arguments: list[str], message: str):
    result = run("compare", *arguments, "--index", index, "--reader", "none")
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_checklists_are_listed_shown_and_checked(tmp_path: Path):
    assert [line.split()[0] for line in run("checklists").stdout.splitlines()] == [
        "ccpa",
        "consumer",
        "gdpr",
        "vendor-risk",
    ]
    assert "Art. 13(2)(a) requires the period of storage" in run("checklists", "gdpr").stdout
    assert run("checklists", tmp_path / "none.toml").exit_code == 1


# Stopped and resumed


def cut(out: Path, index: Path, *, cells: int, torn: bytes = b"") -> list[str]:
    """A journal of `cells` cells as a process that was killed leaves it; the lines of a whole run."""
    whole = compare(index, SELLS, "is data encrypted?", "--format", "jsonl").splitlines()
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr("api.command.journal.Journal.delete", lambda self: None)
        compare(index, SELLS, "is data encrypted?", "--format", "jsonl", "--out", out)
    lines = journal_of(out).read_bytes().splitlines(keepends=True)
    journal_of(out).write_bytes(b"".join(lines[: 1 + cells]) + torn)
    out.unlink()
    return whole


@pytest.mark.parametrize("torn", [b"", b'{"company": {"id": "acm', b"\xff\xfe"])
def test_a_stopped_run_goes_on_and_comes_to_the_same(index: Path, tmp_path: Path, torn: bytes):
    out = tmp_path / "t.jsonl"
    whole = cut(out, index, cells=3, torn=torn)
    compare(index, SELLS, "is data encrypted?", "--format", "jsonl", "--out", out, "--resume")
    assert sorted(out.read_text("utf-8").splitlines()) == sorted(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_cells_of_the_journal_are_not_asked_again(index: Path, tmp_path: Path):
    out = tmp_path / "t.jsonl"
    cut(out, index, cells=8)
    lines = journal_of(out).read_text("utf-8").splitlines()
    changed = json.loads(lines[1]) | {"note": "as the journal has it"}
    journal_of(out).write_text("\n".join([lines[0], json.dumps(changed), *lines[2:], ""]), encoding="utf-8")
    compare(index, SELLS, "is data encrypted?", "--format", "jsonl", "--out", out, "--resume")
    assert out.read_text("utf-8").count("as the journal has it") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SELLS, "is data encrypted?"], "holds 3 cells of a run that was stopped: give --resume"),
        ([SELLS, "--resume"], "is of another run (questions differ)"),
        ([SELLS, "is data encrypted?", "--resume", "--as-of", "2020-01-01"], "(as of differ)"),
        ([SELLS, "is data encrypted?", "--resume", "--companies", "ZebraMail"], "(companies differ)"),
    ],
)
def test_a_journal_of_another_run_is_never_mixed_in(index: Path, tmp_path: Path, arguments: list[str], message: str):
    out = tmp_path / "t.jsonl"
    cut(out, index, cells=3)
    before = journal_of(out).read_bytes()
    given = [*arguments, "--format", "jsonl", "--out", out, "--index", index, "--reader", "none"]
    result = run("compare", *given)
    assert result.exit_code == 1
    assert message in result.stderr
    assert (journal_of(out).read_bytes(), out.exists()) == (before, False)


@pytest.mark.parametrize("content", [b"not json\n", b"{}\n", b'{"comparison": {"format": 1}}\n{"company": 3}\n'])
def test_a_damaged_journal_is_refused_and_kept(index: Path, tmp_path: Path, content: bytes):
    out = tmp_path / "t.csv"
    journal_of(out).write_bytes(content)
    result = run("compare", SELLS, "--format", "csv", "--out", out, "--resume", "--index", index, "--reader", "none")
    assert result.exit_code == 1
    assert journal_of(out).read_bytes() == content


def test_ctrl_c_keeps_what_was_found_and_resume_goes_on(embedder: Embedder, tmp_path: Path):
    build([SAMPLE], tmp_path / "index", embedder=embedder)
    out = tmp_path / "t.csv"
    given = ["compare", "--checklist", "consumer", "--format", "csv", "--out", out, "--index", tmp_path / "index"]
    with start(*given) as process:
        until = time.monotonic() + 120
        while not (journal_of(out).exists() and journal_of(out).read_bytes().count(b"\n") > 10):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, "Interrupted." in said, out.exists()) == (130, True, False)
    found = journal_of(out).read_bytes().count(b"\n")
    assert found > 10
    done = subprocess.run(
        [sys.executable, "-m", "api.command.cli", *map(str, given), "--resume"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert len(list(csv.DictReader(io.StringIO(out.read_text("utf-8"), newline="")))) == 5 * 24


def test_a_second_process_is_refused(index: Path, tmp_path: Path):
    out = tmp_path / "t.csv"
    with FileLock(f"{journal_of(out)}.lock"):
        result = run("compare", SELLS, "--format", "csv", "--out", out, "--index", index, "--reader", "none")
    assert result.exit_code == 1
    assert "another process is writing it" in result.stderr


# Spans


def test_spans_are_json_lines_or_parquet_with_the_same_rows(index: Path, tmp_path: Path):
    given = ["spans", SELLS, "--threshold", "0.01", "--index", index, "--reader", "none"]
    lines = [json.loads(line) for line in run(*given).stdout.splitlines()]
    assert lines
    assert {line["company_id"] for line in lines} >= {"zebramail.com"}
    pandas = pytest.importorskip("pandas", reason="needs the extra `tables`")
    pytest.importorskip("pyarrow", reason="needs the extra `tables`")
    assert run(*given, "--format", "parquet", "--out", tmp_path / "s.parquet").exit_code == 0
    frame = pandas.read_parquet(tmp_path / "s.parquet")
    assert frame.text.tolist() == [line["text"] for line in lines]
    assert frame.start.tolist() == [line["start"] for line in lines]
    fewer = run(*given[:2], "--threshold", "0.99", *given[4:]).stdout.splitlines()
    assert len(fewer) < len(lines)


def test_parquet_needs_a_file(index: Path):
    result = run("spans", SELLS, "--format", "parquet", "--index", index, "--reader", "none")
    assert result.exit_code == 1
    assert "needs a file" in result.stderr or "pip install" in result.stderr
