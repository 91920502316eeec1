"""How long a cell of a comparison takes, in how much memory, and whether each equals what `ask` says alone.

    python -m eval.speed.comparing --index my-index --checklist consumer

With `--out FILE` the figures are written as JSON. It asks every pair alone too, which takes twice as long again.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import qa.comparison
from eval.speed.machine import resident_mb
from index.embedding import open_embedder
from index.policy_index import PolicyIndex
from qa.answers import Answer
from qa.assistant import Assistant
from qa.checklists.checklist import shipped_checklist
from qa.comparison import BLOCK, Cell
from qa.reading.reader import NONE, SHIPPED, open_reader


@dataclass(frozen=True, slots=True)
class Compared:
    """One run.

    Attributes:
        block: companies whose passages were read together.
        cpu_ms: processor milliseconds a cell, of all cores; `wall_ms` on a machine that does nothing else.
        grown_mb: how much the process grew by it.
        ask_ms: the same pair asked alone, where that was measured.
        differ: cells that are not what `ask` says, in outcome, verdict, probability or quotes.
    """

    reader: str
    block: int
    cells: int
    wall_ms: float
    cpu_ms: float
    grown_mb: float
    ask_ms: float | None = None
    differ: int | None = None


def compared(assistant: Assistant, questions: Sequence[str], *, reader: str, block: int, alone: bool) -> Compared:
    """The figures of all companies by `questions`; `alone`: ask every pair, too."""
    qa.comparison.BLOCK = block
    before_mb, began, cpu = resident_mb([os.getpid()]), time.perf_counter(), time.process_time()
    cells = [(cell.key, _said(cell)) for cell in assistant.compare(questions).cells()]
    wall_s, cpu_s, grown_mb = (
        time.perf_counter() - began,
        time.process_time() - cpu,
        resident_mb([os.getpid()]) - before_mb,
    )
    figures = Compared(
        reader, block, len(cells), 1_000 * wall_s / len(cells), 1_000 * cpu_s / len(cells), round(grown_mb, 1)
    )
    if not alone:
        return figures
    began = time.perf_counter()
    differ = sum(
        said != _said_alone(assistant.ask(questions[number], companies=[company])) for (company, number), said in cells
    )
    ask_ms = 1_000 * (time.perf_counter() - began) / len(cells)
    return Compared(**(asdict(figures) | {"ask_ms": ask_ms, "differ": differ}))


def _said(cell: Cell) -> list[object]:
    return [cell.outcome, cell.verdict, cell.probability, [(q.policy.id, q.spans) for q in cell.quotes]]


def _said_alone(answer: Answer) -> list[object]:
    if not answer.verdicts:
        return [answer.outcome, None, 0.0, []]
    said = answer.verdicts[0]
    return [answer.outcome, said.verdict, said.probability, [(q.policy.id, q.spans) for q in said.quotes]]


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, required=True, help="an index folder")
    parser.add_argument("--checklist", default="consumer", help="whose items are asked")
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 8, BLOCK], help="companies read together")
    parser.add_argument("--readers", nargs="+", default=[SHIPPED, NONE])
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    given = parser.parse_args()
    embedder = open_embedder()
    index = PolicyIndex.open(given.index, embedder=embedder)
    questions = [item.question for item in shipped_checklist(given.checklist).items]
    found = []
    for reader in given.readers:
        assistant = Assistant(index, embedder, reader=open_reader(reader))
        list(assistant.compare(questions[:1]).cells())  # what is loaded once is no cell's
        for block in given.blocks:
            figures = compared(assistant, questions, reader=reader, block=block, alone=block == given.blocks[-1])
            print(figures)
            found.append(asdict(figures))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
