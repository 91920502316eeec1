"""The benchmark `python -m eval speed`: all measurements, a table, a plot and the numbers as JSON."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np

import index
from eval.speed.growth import company_of, grown
from eval.speed.load import Load, Request, asked_by_many, asked_in_turn
from eval.speed.machine import Machine, measured_machine, resident_mb
from eval.speed.measured import Measured
from eval.speed.rivals import (
    Served,
    askpolicy_request,
    has_txtai,
    served_askpolicy,
    served_txtai,
    txtai_built,
    txtai_request,
)
from eval.speed.understanding import COMPANIES, understood_ms
from eval.tasks.sample import sample_task
from eval.vector_cache import CachedEmbedder
from index.build import build
from index.embedding import DEFAULT_FOLDER, Embedder, open_embedder
from index.policies.passages import embedded_text
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.intents import read_intents
from qa.reading.reader import NONE, SHIPPED, open_reader

SAMPLE = Path(index.__file__).parent / "sample"
CLIENTS = (1, 8, 32)
_VECTOR_QUESTIONS, _NEAREST, _SECONDS_OF_GROWN = 60, 10, 5.0
# Of MiniLM's six layers: weights of 384 x 384 four times and of 384 x 1536 twice; 2 operations for each and token.
_OPERATIONS_A_TOKEN = 2 * 6 * (4 * 384 * 384 + 2 * 384 * 1536)


def measured(
    policies: Sequence[Path], *, sizes: Sequence[int], seconds: float, workplace: Path | None = None
) -> tuple[Machine, list[Measured]]:
    """The machine and all figures.

    Args:
        policies: files and folders, beside the sample's, that are indexed and served.
        sizes: how many passages grown indexes shall have.
        seconds: how long each load lasts.
        workplace: a folder that outlives the run, whose grown indexes serve again; None means a temporary one.
    """
    machine = measured_machine()
    embedder = open_embedder()
    found: list[Measured] = []
    with ExitStack() as opened:
        where = workplace or Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="askpolicy-speed-")))
        found += _told(_builds([SAMPLE, *policies], where, embedder, machine))
        built = PolicyIndex.open(where / "index", embedder=embedder)
        questions = [question.text for question in sample_task().questions if question.kind == "answerable"]
        found += _told(_understood(questions))
        found += _told(_questions(built, embedder, questions, where, seconds))
        for size in sizes:
            found += _told(_grown(size, [SAMPLE, *policies], where))
    return machine, found


def _told(figures: Iterator[Measured]) -> Iterator[Measured]:
    for figure in figures:
        print(line(figure), flush=True)
        yield figure


def line(figure: Measured) -> str:
    """`figure` as a line of the table."""
    return f"{figure.of:<12} {figure.name:<44} {figure.value:>12,.2f} {figure.unit}"


def _builds(policies: Sequence[Path], where: Path, embedder: Embedder, machine: Machine) -> Iterator[Measured]:
    began = time.perf_counter()
    report = build(policies, where / "index", embedder=embedder)
    took_s = time.perf_counter() - began
    if report.published and report.added:
        built = PolicyIndex.open(where / "index", embedder=embedder)
        texts = [embedded_text(built.policies[passage.policy_id].text, passage) for passage in built.passages]
        yield Measured("askpolicy", "build: passages", len(texts) / took_s, "a second, their sentences too")
        yield Measured("askpolicy", "build: texts embedded", report.embedded / took_s, "a second")
        tokens = _tokens(built, embedder)
        gflops = tokens * _OPERATIONS_A_TOKEN / took_s / 1e9
        yield Measured("askpolicy", "build: of the machine's matrix rate", 100 * gflops / machine.matrix_gflops, "%")
        began = time.perf_counter()
        build(policies, where / "index", embedder=embedder)
        yield Measured("askpolicy", "build again, nothing changed", time.perf_counter() - began, "s")
        yield Measured("askpolicy", "build again, times as fast", took_s / (time.perf_counter() - began), "")
        if has_txtai():
            took_s = txtai_built(texts, str(DEFAULT_FOLDER), where / "txtai")
            yield Measured("txtai", "build: passages", len(texts) / took_s, "a second")


def _tokens(built: PolicyIndex, embedder: Embedder) -> int:
    """The tokens of what was embedded: each text once, with the two marks of its beginning and end."""
    texts: set[str] = set()
    for segment in built.segments:
        texts |= {segment.embedded(number) for number in range(len(segment.hashes))}
    return sum(embedder.count_tokens(text) + 2 for text in texts)


def _questions(
    built: PolicyIndex, embedder: Embedder, questions: Sequence[str], where: Path, seconds: float
) -> Iterator[Measured]:
    for system, name in (("askpolicy", SHIPPED), ("askpolicy, no reader", NONE)):
        assistant = Assistant(built, embedder, reader=open_reader(name))
        yield from _load(system, "in process", asked_in_turn(assistant.ask, questions, seconds=seconds))
    if has_txtai() and (where / "txtai").exists():
        from txtai import Embeddings

        embeddings = Embeddings()
        embeddings.load(str(where / "txtai"))
        load = asked_in_turn(lambda question: embeddings.search(question, 5), questions, seconds=seconds)
        yield from _load("txtai", "in process", load)
        del embeddings
    with served_askpolicy(where / "index") as served:
        yield from _over_http("askpolicy", served, [askpolicy_request(question) for question in questions], seconds)
    if has_txtai() and (where / "txtai").exists():
        with served_txtai(where / "txtai", str(DEFAULT_FOLDER)) as served:
            yield from _over_http("txtai", served, [txtai_request(question) for question in questions], seconds)


def _over_http(of: str, served: Served, requests: Sequence[Request], seconds: float) -> Iterator[Measured]:
    yield Measured(of, "start until ready", served.ready_s, "s")
    for clients in CLIENTS:
        load = asked_by_many(served.address, requests, clients=clients, seconds=seconds)
        yield from _load(of, f"HTTP, {clients} clients", load)
    yield Measured(of, "resident while serving", served.resident_mb, "MB")


def _load(of: str, name: str, load: Load) -> Iterator[Measured]:
    yield Measured(of, f"{name}: answers", load.per_s, "a second")
    for percent in (50, 95, 99):
        yield Measured(of, f"{name}: p{percent}", load.percentile_ms(percent), "ms")
    if load.failed:
        yield Measured(of, f"{name}: failed", load.failed, "requests")


def _grown(size: int, policies: Sequence[Path], where: Path) -> Iterator[Measured]:
    folder = where / f"grown-{size}"
    # Each in a process of its own: what one needs of memory is not what another left.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        if not folder.exists():
            files = sorted(path for source in policies for path in source.glob("*") if path.suffix in (".md", ".txt"))
            yield Measured(
                f"{size:,}", "made of real passages", process.submit(_made, size, files, where).result(), "s"
            )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield from process.submit(_measured_grown, f"{size:,}", folder).result()


def _made(size: int, files: Sequence[Path], where: Path) -> float:
    began = time.perf_counter()
    remembering = CachedEmbedder(open_embedder(), where / "vectors")
    grown(files, where / f"grown-{size}", passages=size, embedder=remembering)
    return time.perf_counter() - began


def _measured_grown(of: str, folder: Path) -> list[Measured]:
    # The sample's questions name its companies, and none of them is in a grown index.
    questions = [question for intent in read_intents() for question in intent["kept"]]
    embedder = open_embedder()
    began = time.perf_counter()
    built = PolicyIndex.open(folder / "index", embedder=embedder)
    found = [Measured(of, "opened", time.perf_counter() - began, "s")]
    companies = sorted(built.companies)
    found += _asked(of, Assistant(built, embedder, reader=open_reader()), companies, questions)
    found += _searches(of, built, embedder, questions, companies)
    found.append(Measured(of, "resident", resident_mb([os.getpid()]), "MB"))
    del built
    # The policy of one company again, as that of another that was not there.
    policies, first = folder / "policies", company_of(0)
    number = next(number for number in count(9_000_000) if not (policies / f"{company_of(number)}.md").exists())
    text = (policies / f"{first}.md").read_text(encoding="utf-8")
    added = (
        text.replace(first, company_of(number)) + f"\nThe policy of {company_of(number)} ends here, and says no more.\n"
    )
    (policies / f"{company_of(number)}.md").write_text(added, encoding="utf-8")
    began = time.perf_counter()
    report = build([policies], folder / "index", embedder=embedder)
    took_s = time.perf_counter() - began
    if report.added != 1:
        raise RuntimeError(f"{report.added} policies were added, expected 1: remove {folder} and run again")
    return [*found, Measured(of, "one policy added", took_s, "s")]


def _asked(of: str, assistant: Assistant, companies: Sequence[str], questions: Sequence[str]) -> Iterator[Measured]:
    draw = Random(0)
    for name, ask in (
        ("one company: ask", lambda question: assistant.ask(question, companies=[draw.choice(companies)])),
        ("all companies: search", assistant.search),
    ):
        load = asked_in_turn(ask, questions, seconds=_SECONDS_OF_GROWN)
        for percent in (50, 99):
            yield Measured(of, f"{name}: p{percent}", load.percentile_ms(percent), "ms")


def _understood(questions: Sequence[str]) -> Iterator[Measured]:
    """Understanding alone, over so many companies that a comparison with each would tell."""
    usual, largest = understood_ms(questions)
    of = f"{COMPANIES:,} companies"
    yield Measured(of, "a question understood: p50", float(np.median(usual)), "ms")
    yield Measured(of, "largest input understood: p50", float(np.median(largest)), "ms")
    yield Measured(of, "largest input understood: worst", max(largest), "ms")


def _searches(
    of: str, built: PolicyIndex, embedder: Embedder, questions: Sequence[str], companies: Sequence[str]
) -> Iterator[Measured]:
    """The search for vectors alone, of all and of one company, against comparing all."""
    vectors = embedder.embed_questions(list(questions[:_VECTOR_QUESTIONS]))
    took: list[float] = []
    found = found_of_company = 0
    draw = Random(1)
    of_company_ms: list[float] = []
    for vector in vectors:
        began = time.perf_counter()
        rows, _ = built.passage_vectors.search(vector, k=_NEAREST)
        took.append((time.perf_counter() - began) * 1e3)
        exact = built.passage_vectors.search(vector, k=_NEAREST, exact=True)[0]
        found += len(set(rows.tolist()) & set(exact.tolist()))
        mine = built.rows([draw.choice(companies)])
        began = time.perf_counter()
        rows, _ = built.passage_vectors.search(vector, k=_NEAREST, allowed=mine)
        of_company_ms.append((time.perf_counter() - began) * 1e3)
        cosines = built.passage_vectors.vectors(mine) @ vector
        exact = mine[np.lexsort((mine, -cosines.round(6)))[:_NEAREST]]
        found_of_company += len(set(rows.tolist()) & set(exact.tolist())) == len(exact)
    yield Measured(of, "all vectors: p50", float(np.median(took)), "ms")
    yield Measured(of, "all vectors: recall@10", found / _NEAREST / len(vectors), "of exact")
    yield Measured(of, "a company's vectors: p50", float(np.median(of_company_ms)), "ms")
    yield Measured(of, "a company's vectors: recall@10", found_of_company / len(vectors), "of exact")


def written(machine: Machine, figures: Sequence[Measured], out: Path) -> None:
    """Write `figures` to the folder `out`, as JSON and as a plot of how it grows."""
    out.mkdir(parents=True, exist_ok=True)
    numbers = {"machine": asdict(machine), "python": sys.version.split()[0], "figures": [asdict(f) for f in figures]}
    (out / "speed.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    _plot(figures, out / "speed.svg")


def _plot(figures: Sequence[Measured], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    growth, load = figure.subplots(1, 2)
    for name in ("one company: ask: p50", "all companies: search: p50", "all vectors: p50"):
        points = [(int(f.of.replace(",", "")), f.value) for f in figures if f.name == name]
        if points:
            growth.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    growth.set(xlabel="passages", ylabel="ms", xscale="log", title="As the index grows")
    if growth.get_lines():
        growth.legend()
    for of in ("askpolicy", "txtai"):
        points = [
            (clients, f.value)
            for clients in CLIENTS
            for f in figures
            if (f.of, f.name) == (of, f"HTTP, {clients} clients: answers")
        ]
        if points:
            load.plot(*zip(*points, strict=True), marker="o", label=of)
    load.set(xlabel="clients", ylabel="answers a second", title="Over HTTP")
    load.legend()
    figure.savefig(path)
