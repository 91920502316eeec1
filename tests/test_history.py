"""Histories of documents are read from git, whole: every version on its day, what did not change only once."""

import os
import random
import subprocess
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from index.build import build
from index.errors import HistoryError
from index.policies.attribution import attributed
from index.policies.series import in_force
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from index.sources.archive import Archives
from index.sources.folder import named
from index.sources.history import open_history, summary
from qa.answers import Outcome
from qa.assistant import Assistant
from tests.tiny import TinyEmbedder


class Archive:
    """A git repository laid out as Open Terms Archive's are, written commit by commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, day: str = "2020-01-01") -> str:
        moment = f"{day}T12:00:00+0000"
        dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": "2026-01-01T00:00:00+0000"}
        who = ("-c", "user.name=archive", "-c", "user.email=archive@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *who, "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | dates).stdout

    def commit(self, day: str, subject: str, **files: str | None) -> None:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_", " ")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject, day=day)


PATH = "Pebblemail__Privacy_Policy.md"
KEPT = "We never sell your address to anybody at all."


def policy(days: str, *, more: str = "") -> str:
    return f"# Privacy Policy\n\n{KEPT}\n\nWe keep voice recordings for {days} days.\n{more}"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "acme-versions")
    doc = {"LICENSE": "Open Data Commons Attribution License (ODC-By) v1.0\n"}
    made.commit("2020-01-01", "Add licence", **doc)
    made.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{PATH: policy("ten")})
    made.commit(
        "2021-02-01",
        "Record new changes of Pebblemail Privacy Policy",
        **{PATH: policy("nine")},
    )
    made.commit(
        "2021-06-01",
        "Apply technical or declaration upgrade on Pebblemail Privacy Policy",
        **{PATH: policy("nine", more="\n")},
    )
    made.commit(
        "2022-02-01",
        "Record new changes of Pebblemail Privacy Policy",
        **{PATH: policy("ten")},
    )
    return made


def index_of(archive: Archive, out: Path) -> PolicyIndex:
    build([], out, embedder=TinyEmbedder(), histories=[archive.folder])
    return PolicyIndex.open(out, embedder=TinyEmbedder())


@pytest.mark.parametrize(
    ("day", "days"),
    [("2020-02-01", "ten"), ("2021-01-31", "ten"), ("2021-02-01", "nine"), ("2021-07-01", "nine"), (None, "ten")],
)
def test_the_version_of_the_day_answers(archive: Archive, tmp_path: Path, day: str | None, days: str) -> None:
    index = index_of(archive, tmp_path / "index")
    as_of = date.fromisoformat(day) if day else None
    texts = {index.passages.at(int(row), as_of=as_of).text for row in index.rows(["pebblemail"], as_of=as_of)}
    assert texts == {KEPT, f"We keep voice recordings for {days} days."}


def test_what_did_not_change_is_one_row_with_the_days_that_it_held(archive: Archive, tmp_path: Path) -> None:
    index = index_of(archive, tmp_path / "index")
    held = {index.passages[row].text: index.passages.held(row) for row in range(len(index.passages))}
    assert held == {
        KEPT: [(date(2020, 2, 1), None)],
        "We keep voice recordings for ten days.": [(date(2020, 2, 1), date(2021, 2, 1)), (date(2022, 2, 1), None)],
        "We keep voice recordings for nine days.": [(date(2021, 2, 1), date(2022, 2, 1))],
    }
    assert index.manifest.policies == 4


def test_a_version_is_what_the_archive_holds(archive: Archive, tmp_path: Path) -> None:
    index = index_of(archive, tmp_path / "index")
    for policy in index.policies.values():
        assert policy.text == archive.git("show", f"{policy.revision}:{policy.path}")
    assert [(str(p.archived_on), p.technical) for p in index.policies_of("pebblemail")] == [
        ("2022-02-01", False),
        ("2021-06-01", True),
        ("2021-02-01", False),
        ("2020-02-01", False),
    ]
    assert {policy.licence is not None for policy in index.policies.values()} == {True}


def test_a_second_run_embeds_nothing_and_a_new_version_only_what_is_new(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "index"
    first = build([], out, embedder=TinyEmbedder(), histories=[archive.folder])
    again = build([], out, embedder=TinyEmbedder(), histories=[archive.folder])
    assert (first.embedded > 0, again.embedded, again.published) == (True, 0, False)
    archive.commit("2023-02-01", "Record new changes", **{PATH: policy("two")})
    ids = set(PolicyIndex.open(out, embedder=TinyEmbedder()).policies)
    newer = build([], out, embedder=TinyEmbedder(), histories=[archive.folder])
    assert newer.embedded == 1
    assert ids < set(PolicyIndex.open(out, embedder=TinyEmbedder()).policies)


def test_a_day_before_the_first_version_has_none(archive: Archive, tmp_path: Path) -> None:
    assistant = Assistant(index_of(archive, tmp_path / "index"), TinyEmbedder())
    answer = assistant.ask("how long does Pebblemail keep voice recordings?", as_of=date(2019, 1, 1))
    assert (answer.outcome, answer.hits) == (Outcome.NO_VERSION, ())
    assert "2020-02-01" in answer.text


def test_a_service_that_was_renamed_is_one_company_under_both_names(archive: Archive, tmp_path: Path) -> None:
    archive.commit(
        "2023-01-01",
        "Rename Pebblemail to Stonemail",
        **{PATH: None, "Stonemail__Privacy_Policy.md": policy("ten")},
    )
    index = index_of(archive, tmp_path / "index")
    (company,) = index.companies.values()
    assert company.name == "Stonemail"
    assert "Pebblemail" in company.names
    assert len({policy.series for policy in index.policies.values()}) == 1


def clauses(name: str, *, own: int) -> str:
    """A policy of 15 clauses, every fifth with the service's name; `own` of them are its own alone."""
    verbs = (
        "keeps shares reads stores sends sorts counts checks copies lends moves prints scans signs tags trims".split()
    )
    who = (name, "Our company")
    lines = [f"{who[n % 5 > 0]} {verb} what you write to it for {n} days." for n, verb in enumerate(verbs)]
    lines[:own] = [f"At {name} nobody {verb} a letter of yours in {name} {verb[::-1]} rooms." for verb in verbs[:own]]
    return "# Privacy Policy\n\n" + "\n\n".join(lines) + "\n"


@pytest.mark.parametrize(("own", "renamed"), [(0, True), (1, True), (3, False), (8, False)])
def test_a_service_goes_on_under_another_name_only_where_its_words_do(tmp_path: Path, own: int, renamed: bool) -> None:
    archive = Archive(tmp_path / "group-versions")
    path, new = "Pebblemail__Privacy_Policy.md", "Stonemail__Privacy_Policy.md"
    archive.commit("2020-02-01", "First record of Pebblemail Privacy Policy", **{path: clauses("Pebblemail", own=0)})
    archive.commit("2020-03-01", "Remove Pebblemail", **{path: None})
    archive.commit("2020-05-01", "First record of Stonemail Privacy Policy", **{new: clauses("Stonemail", own=own)})
    index = index_of(archive, tmp_path / "index")
    names = {name for company in index.companies.values() if company.name == "Stonemail" for name in company.names}
    assert ("Pebblemail" in names) == renamed


def test_every_commit_is_accounted_for(archive: Archive) -> None:
    archive.commit("2023-01-01", "Remove", **{PATH: None})
    with open_history(archive.folder) as history:
        assert history.account.commits.total() == int(archive.git("rev-list", "--count", "HEAD"))
        assert "1 technical change" in summary(history)
        (document,) = history.documents
        assert document.ended_on == date(2023, 1, 1)


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    empty = Archive(tmp_path / "empty")
    for path in (tmp_path / "plain", tmp_path / "nowhere", empty.folder):
        with pytest.raises(HistoryError):
            open_history(path)


def last_before(log: list[tuple[int, str | None]], day: date) -> str | None:
    """The blob that a path had at the end of `day`, by author dates alone."""
    known = [(moment, blob) for moment, blob in log if datetime.fromtimestamp(moment, UTC).date() <= day]
    return max(enumerate(known), key=lambda entry: (entry[1][0], entry[0]))[1][1] if known else None


def test_of_300_drawn_days_of_a_real_archive_git_gives_the_same_version(shared: Path, tmp_path: Path) -> None:
    clone = tmp_path / "pga"
    bundle = shared / "ota" / "pga-versions.bundle"
    subprocess.run(["git", "clone", "-q", "--bare", str(bundle), str(clone)], check=True)
    # the truth, without this project: what each commit made of each path, oldest first
    raw = subprocess.run(
        [
            *("git", "-C", str(clone), "-c", "core.quotePath=false", "log", "--reverse", "--topo-order"),
            *("--raw", "--no-renames", "--abbrev=40", "--format=@%at"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    logs: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    moment = 0
    for line in raw.splitlines():
        if line.startswith("@"):
            moment = int(line[1:])
        elif line.startswith(":"):
            facts, path = line.split("\t", 1)
            blob, status = facts.split()[3:5]
            if path.endswith(".md") and "/" in path:
                logs[path].append((moment, None if status == "D" else blob))
    archives = Archives([clone])
    files, refused = archives.files({})
    archives.close()
    assert refused == []
    ids, companies = attributed([file.claim for file in files], [file.path for file in files])
    by_series: dict[object, list[Policy]] = defaultdict(list)
    blobs: dict[str, str] = {}
    series_of: dict[str, object] = {}
    for policy, file in named(files, ids, companies):
        by_series[policy.series].append(policy)
        blobs[policy.id] = file.place
        series_of[policy.path] = policy.series
    draw = random.Random(15)
    paths = sorted(path for path, log in logs.items() if all(blob for _, blob in log))
    wrong = []
    for _ in range(300):
        path = draw.choice(paths)
        first = datetime.fromtimestamp(min(moment for moment, _ in logs[path]), UTC).date()
        day = date.fromordinal(draw.randint(first.toordinal(), date(2026, 8, 31).toordinal()))
        (held,) = in_force(by_series[series_of[path]], day)
        if (held.path, blobs[held.id]) != (path, last_before(logs[path], day)):
            wrong.append((path, day))
    assert wrong == []
