"""The report: one page that needs nothing, shows strangers' text harmlessly, and leaves out what it has no data for."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.figures import Figure
from eval.run_folder import Run, RunError, TaskRun
from eval.running import FoundHit, Row, Shown

pytest.importorskip("jinja2", reason="needs the extra `eval`")
pytest.importorskip("matplotlib", reason="needs the extra `eval`")

from eval.report import html, write_report

HOSTILE = "<script>alert(1)</script> \"'><img src=x onerror=alert(1)> \u202ekcab\u202c \x00 \ud800"


def row(number: int, *, rank: int | None = 1, **changes: object) -> Row:
    """An answered question whose relevant hit stands at `rank` of three."""
    file = f"policy{number % 2}.md"
    hits = tuple(
        FoundHit(file, 100 * k, 100 * k + 50, 0.9 - 0.1 * k, "acme.com", relevant=k == rank, repeated=False)
        for k in (1, 2, 3)
    )
    found = Row(
        id=f"q{number}",
        kind="answerable",
        split="test",
        topic="cookies",
        generic=False,
        text=f"question {number}?",
        policy=file,
        named=("acme.com",),
        answerable=True,
        expects_unknown=(),
        outcome="answered",
        confidence=0.8 - 0.01 * number,
        quoted=rank == 1,
        unknown=(),
        relevant_in_all=1,
        hits=hits,
        shown=tuple(Shown(hit.file, hit.start, hit.end, f"words of {hit.id}") for hit in hits),
        wanted=(Shown(file, 5, 9, "what was wanted"),),
        took_ms=12.0,
        measures={
            **{f"S@{k}": float(rank is not None and rank <= k) for k in (1, 3, 5, 10)},
            "MRR@10": 1 / rank if rank else 0.0,
            **{f"char {which}@{k}": 0.5 if rank else 0.0 for k in (1, 2, 3) for which in "PR"},
        },
        stages_ms={"embed": 7.0, "judge": 2.0},
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def not_stated(number: int, **changes: object) -> Row:
    return row(number, rank=None, kind="not_stated", answerable=False, wanted=(), measures={}, **changes)


ROWS = (
    row(1),
    row(2, rank=2, topic="children"),
    row(3, rank=None, outcome="not_stated"),
    not_stated(4),
    not_stated(5, outcome="not_stated", confidence=0.1),
)


def run(name: str = "base", *, rows: tuple[Row, ...] = ROWS, **changes: object) -> Run:
    """A run of one task; `changes` are the task's."""
    task = TaskRun(
        name="sample.per-policy.test",
        task="sample",
        setting="per-policy",
        split="test",
        complete=True,
        system="askpolicy",
        data_hash="aa",
        pool_hash="bb",
        manifest={},
        seconds={"build": 3.2, "ask": 75.0},
        figures=(Figure("answerable: S@1", 0.5, 3, 0.2, 0.8),),
        rows=rows,
    )
    return Run(
        name=name,
        settings={"system": "askpolicy", "model": "minilm", "units": "passages", "seed": 7, "reader": None},
        made_with={"python": "3.11.7", "packages": {"torch": "2.13.0", "scipy": None}, "machine": {"cores": 2}},
        started_at="2026-01-02T03:04:05+00:00",
        wall_s=123.0,
        tasks=(replace(task, **changes),),  # type: ignore[arg-type]
    )


class _Page(HTMLParser):
    """What a browser would make of a page: its elements, its words, its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.headings: list[str] = []
        self._in_heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_heading = tag in ("h2", "h3", "h4")
        if self._in_heading:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = self._in_heading and tag not in ("h2", "h3", "h4")

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._in_heading:
            self.headings[-1] += data


def rows_of_table(page: str) -> dict[str, str]:
    """The markup of each row of the first table by its first cell."""
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    return {found[1]: found[0] for found in re.finditer(r'<tr><th scope="row">(.*?)</th>.*?</tr>', table, re.DOTALL)}


def test_the_page_asks_for_nothing_beside_itself():
    page = html([run(), run("other")])
    elements = _Page(page).elements
    pointing = [attrs[name] for _, attrs in elements for name in ("src", "href", "action", "data") if name in attrs]
    assert [target for target in pointing if not (target or "").startswith("#")] == []
    assert [target for target in re.findall(r"url\((.*?)\)", page) if not target.startswith("#")] == []
    assert {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in elements} == set()
    assert "@import" not in page


def test_every_link_within_the_page_leads_somewhere_and_no_id_stands_twice():
    elements = _Page(html([run(), run("other")])).elements
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    targets = {(attrs.get("href") or "")[1:] for _, attrs in elements if "href" in attrs}
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)


def test_the_text_of_strangers_is_shown_and_never_obeyed():
    shown = tuple(Shown(HOSTILE, 0, 9, HOSTILE) for _ in range(3))
    hostile = row(1, rank=2, text=HOSTILE, topic=HOSTILE, shown=shown, wanted=shown, named=(HOSTILE,), id=HOSTILE)
    (task,) = run(rows=(hostile, not_stated(2))).tasks
    task = replace(task, name=HOSTILE, seconds={HOSTILE: 1.0}, figures=(Figure(HOSTILE, 0.5, 2),))
    harmful = replace(run(HOSTILE), settings={HOSTILE: [HOSTILE]}, tasks=(task,))
    page = html([harmful, run("other")])
    parsed = _Page(page)
    assert {"script", "img"} & {tag for tag, _ in parsed.elements} == set()
    assert [name for _, attrs in parsed.elements for name in attrs if name.startswith("on")] == []
    assert "<script>alert(1)</script>" in parsed.words
    assert not set("\u202e\u202c\x00\ud800") & set(page)
    assert "[U+202E]kcab[U+202C]" in parsed.words


def test_runs_are_told_side_by_side_and_laid_over_each_other():
    page = html([run("base"), run("with a reader")])
    assert page.count("<svg ") == 5
    for drawing in re.findall(r"<svg .*?</svg>", page, re.DOTALL):
        assert "base" in drawing
        assert "with a reader" in drawing
    for colour in ("--run-1", "--run-2"):
        assert f"stroke: var({colour}," in page


def test_two_runs_of_one_name_are_told_apart():
    assert "<bdi>base (2)</bdi>" in html([run("base"), run("base")])


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("_hidden", "_hidden"),
        ("$x^2$", "$x^2$"),
        ("運行", "運行"),
        ("a & b", "a &amp; b"),
        ("x" * 300, "x" * 45 + "…"),
        ("two\nlines", "two lines"),
    ],
)
def test_any_name_of_a_run_can_be_drawn(name: str, drawn: str):
    drawings = re.findall(r"<svg .*?</svg>", html([run(name)]), re.DOTALL)
    assert [f">{drawn}</text>" in drawing for drawing in drawings] == [True] * 5


def test_what_a_run_was_made_of_is_told_and_what_is_not_set_is_not():
    words = " ".join(_Page(html([run()])).words.split())
    for told in ("model minilm", "units passages", "seed 7", "took 2 min 3 s", "torch 2.13.0", "cores 2"):
        assert told in words
    assert "reader" not in words
    assert "scipy" not in words


def test_what_differs_between_runs_stands_out():
    other = replace(run("other"), settings={"system": "bm25", "model": "minilm"})
    page = html([run(), other])
    assert re.findall(r'class="differs">(.*?)<', page) == ["askpolicy", "passages", "7", "bm25"]


def test_runs_over_other_data_are_called_not_comparable():
    assert html([run(), run("other")]).count("Not comparable") == 0
    better = (Figure("answerable: S@1", 0.9, 3),)
    assert "★" in rows_of_table(html([run(), run("other", figures=better)]))["answerable: S@1"]
    page = html([run(), run("other", data_hash="bb", figures=better)])
    assert page.count("Not comparable") == 2
    assert "★" not in "".join(rows_of_table(page).values())


def test_runs_that_asked_other_questions_are_called_not_comparable():
    assert "Not comparable" in html([run(), run("other", rows=ROWS[:4])])


def test_the_best_value_is_marked_by_what_better_means():
    def with_figures(name: str, *values: float) -> Run:
        names = ("answerable: S@1", "score: Brier (lower is better)", "ask, ms, p50", "wrong-company@5", "equal")
        return run(name, figures=tuple(Figure(*pair, n=9) for pair in zip(names, values, strict=True)))

    rows = rows_of_table(
        html([with_figures("a", 0.4, 0.3, 20.0, 0.2, 0.5), with_figures("b", 0.6, 0.1, 9.0, 0.1, 0.5)])
    )
    best = {name: re.findall(r'class="best"><span class="value">(.*?)<', markup) for name, markup in rows.items()}
    assert best == {
        "answerable: S@1": ["0.600"],
        "score: Brier (lower is better)": ["0.100"],
        "ask, ms, p50": ["9.0"],
        "wrong-company@5": ["0.100"],
        "equal": [],
    }


def test_a_figure_stands_with_its_interval_and_n():
    markup = rows_of_table(html([run(figures=(Figure("S@1", 0.5, 12, 0.25, 0.75),))]))["S@1"]
    assert [found in markup for found in ("0.500", "0.250–0.750", '<td class="n">12</td>')] == [True] * 3


def test_an_incomplete_task_has_no_precision_recall_and_no_calibration():
    headings = _Page(html([run(complete=False)])).headings
    assert "Precision and recall by characters" not in headings
    assert "Calibration of the score" not in headings
    assert "Found among the first k" in headings


def test_scores_of_a_system_without_outcomes_are_no_probabilities():
    rows = tuple(replace(found, outcome=None) for found in ROWS)
    headings = _Page(html([run(rows=rows)])).headings
    assert "Calibration of the score" not in headings
    assert "Risk by coverage" in headings


def test_risk_needs_both_kinds_of_question():
    assert "Risk by coverage" not in _Page(html([run(rows=ROWS[:3])])).headings


def test_nothing_is_shown_of_what_there_is_no_data_for():
    right = tuple(row(number, topic="") for number in (1, 2))
    assert _Page(html([run(rows=right)])).headings[1:] == [
        "sample.per-policy.test",
        "Figures",
        "Plots",
        "Found among the first k",
        "Precision and recall by characters",
        "Calibration of the score",
        "Where the time goes",
    ]


def test_a_task_with_no_ranked_question_has_a_page():
    headings = _Page(html([run(rows=(not_stated(1), not_stated(2, outcome="not_stated")))])).headings
    assert "Found among the first k" not in headings
    assert "Answered, but not stated" in headings


def test_a_question_that_got_nothing_has_its_place():
    page = html([run(rows=(row(1), row(2, rank=None, hits=(), shown=())))])
    assert '<span class="verdict">not found</span>' in page


def test_a_run_without_tasks_or_questions_has_a_page():
    assert "<svg" not in html([run(rows=(), figures=())])
    assert "<h1>" in html([replace(run(), tasks=())])


def test_the_worst_come_first():
    first, *others = row(5, rank=2).hits
    elsewhere = (replace(first, company="other.com"), *others)
    rows = (
        row(1, rank=2),
        row(2, rank=3),
        row(3, rank=None, confidence=0.2),
        row(4, rank=None, confidence=0.9),
        row(5, rank=2, hits=elsewhere),
        row(6),
    )
    page = html([run(rows=rows)])
    assert re.findall(r'<span class="verdict">(.*?)<.*?>question (\d)\?<', page) == [
        ("other company", "5"),
        ("not found", "4"),
        ("not found", "3"),
        ("rank 3", "2"),
        ("rank 2", "1"),
    ]


def test_false_answers_and_false_silence_are_listed_surest_first():
    rows = (
        not_stated(1, confidence=0.6),
        not_stated(2, confidence=0.7),
        row(3, outcome="not_stated", confidence=0.1),
        row(4, outcome="not_stated", confidence=0.3),
    )
    page = html([run(rows=rows)])
    answered = page.index("<h3", page.index(">Answered, but not stated</h3>") - 60)
    assert re.findall(r">question (\d)\?<", page[answered:]) == ["2", "1", "4", "3"]


def test_at_most_25_wrong_hits_of_a_task_are_listed():
    page = html([run(rows=tuple(row(number, rank=2) for number in range(40)))])
    assert page.count('<details class="failure">') == 25
    assert "Listed are 25 of 40" in page


def test_a_long_passage_is_cut_and_its_rest_is_there_once():
    words = [f"word{number}" for number in range(200)]
    long = (Shown("p.md", 0, 9, " ".join(words)),)
    parsed = _Page(html([run(rows=(row(1, rank=2, wanted=long),))]))
    assert "the rest" in parsed.words
    assert [parsed.words.count(f"{word}") for word in (words[199], words[110])] == [1, 1]


def test_topics_that_lose_most_come_first_and_those_without_loss_are_left_out():
    topics = {"a": (2, 2, 1), "b": (None, None, None), "c": (1, 1)}
    rows = tuple(
        row(10 * place + number, rank=rank, topic=name)
        for place, (name, ranks) in enumerate(topics.items())
        for number, rank in enumerate(ranks)
    )
    page = html([run(rows=rows)])
    table = page[page.index('<table class="topics">') :]
    cells = [re.findall(r"<t[dh][^>]*>(?:<bdi>)?(.*?)<", line) for line in table.split("<tr>")[2:4]]
    assert cells == [["b", "3", "3", "0.000", "0.000", "0.000"], ["a", "2", "3", "0.333", "1.000", "0.000"]]


def test_every_plot_is_told_in_words():
    drawings = [attrs for tag, attrs in _Page(html([run()])).elements if tag == "svg"]
    assert [attrs["role"] for attrs in drawings] == ["img"] * 5
    assert all(re.search(r"base .*\d", attrs["aria-label"] or "") for attrs in drawings)


def test_equal_runs_make_equal_pages():
    runs = [run(), run("other", data_hash="bb")]
    assert html(runs) == html(runs)


def test_a_large_run_makes_a_page_that_a_mail_can_hold():
    text = "We keep what you give us for as long as the law asks for it. " * 14
    shown = tuple(Shown("p.md", 0, 9, text) for _ in range(5))
    rows = tuple(row(number, rank=2, shown=shown[:3], confidence=number / 3000) for number in range(3000))
    assert len(html([run(rows=rows, figures=())]).encode()) < 1_500_000


def test_the_page_is_written_whole_over_an_old_one(tmp_path: Path):
    out = tmp_path / "new" / "report.html"
    write_report([run()], out)
    write_report([run("later")], out)
    assert out.read_text(encoding="utf-8") == html([run("later")])
    assert list(out.parent.iterdir()) == [out]


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunError, match="could not be written"):
        write_report([run()], tmp_path / "taken" / "report.html")


def test_a_report_of_nothing_is_refused():
    with pytest.raises(ValueError, match="needs a run"):
        html([])
