"""What stands where within a passage or a block, told once for all that have the same: offsets relative to its start.

Versions of a policy move their passages about and hardly change them, so a version is a list of places, each with the
number of a layout. It does not know what the words are.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from index.parsing.document import Block, Cell, Kind, Span

_KEPT = 50_000

Layout = tuple[Any, ...]


def of_block(block: Block) -> Layout:
    """The layout of `block`."""
    return (block.kind.value, block.level, block.end - block.start, *_relative(block))


def block_at(layout: Sequence[Any], start: int) -> Block:
    """The block of this layout at `start`."""
    kind, level, length, *rest = layout
    return Block(Kind(kind), level, start, start + length, *_absolute(rest, start))


def of_passage(start: int, end: int, lead_ins: Sequence[Span], cells: Sequence[Cell], notes: Sequence[Span]) -> Layout:
    """The layout of a passage at `start:end`."""
    return (end - start, *_parts(start, lead_ins, cells, notes))


def passage_at(layout: Sequence[Any], start: int) -> tuple[int, tuple[Span, ...], tuple[Cell, ...], tuple[Span, ...]]:
    """Where a passage of this layout at `start` ends, and its lead-ins, cells and footnotes."""
    length, *rest = layout
    return (start + length, *_absolute(rest, start))


def _relative(block: Block) -> Layout:
    return _parts(block.start, block.lead_ins, block.cells, block.notes)


def _parts(start: int, lead_ins: Sequence[Span], cells: Sequence[Cell], notes: Sequence[Span]) -> Layout:
    moved = [
        [cell.start - start, cell.end - start, *((edge - start for edge in cell.column) if cell.column else ())]
        for cell in cells
    ]
    return (_moved(lead_ins, -start), moved, _moved(notes, -start))


def _absolute(rest: Sequence[Any], start: int) -> tuple[tuple[Span, ...], tuple[Cell, ...], tuple[Span, ...]]:
    lead_ins, cells, notes = rest
    made = tuple(
        Cell(cell[0] + start, cell[1] + start, (cell[2] + start, cell[3] + start) if len(cell) > 2 else None)
        for cell in cells
    )
    return _spans(lead_ins, start), made, _spans(notes, start)


def _moved(spans: Sequence[Span], by: int) -> list[list[int]]:
    return [[begins + by, ends + by] for begins, ends in spans]


def _spans(pairs: Sequence[Sequence[int]], by: int) -> tuple[Span, ...]:
    return tuple((begins + by, ends + by) for begins, ends in pairs)


class LayoutWriter:
    """Numbers layouts, equal ones alike."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def number(self, layout: Layout) -> int:
        """The number of `layout`."""
        return self._numbers.setdefault(json.dumps(layout, separators=(",", ":")).encode(), len(self._numbers))

    def save(self, folder: Path, name: str) -> None:
        """Write all layouts to `folder`."""
        save_pieces(folder, name, list(self._numbers))


class Layouts:
    """Layouts by number, read when they are asked for."""

    def __init__(self, folder: Path, name: str, *, mapped: bool) -> None:
        self._pieces = Pieces(folder, name, mapped=mapped)
        self._read = lru_cache(_KEPT)(self._pieces.json)

    def __getitem__(self, number: int) -> Any:
        return self._read(number)


class Pieces:
    """Byte strings by number."""

    def __init__(self, folder: Path, name: str, *, mapped: bool) -> None:
        """Open what `save_pieces` wrote, memory-mapped or read.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        self.ends = load_array(folder / f"{name}.npy", mapped=mapped)
        self._bytes = _mapped(folder / f"{name}.bin") if mapped else np.fromfile(folder / f"{name}.bin", dtype=np.uint8)
        if int(self.ends[-1]) != len(self._bytes):
            raise ValueError(f"{folder / name}.bin: {len(self._bytes)} bytes, expected {int(self.ends[-1])}")

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> bytes:
        return self._bytes[self.ends[number] : self.ends[number + 1]].tobytes()

    def json(self, number: int) -> Any:
        """The piece at `number` as JSON."""
        return json.loads(self[number])

    def joined(self, numbers: Sequence[int] | np.ndarray) -> bytes:
        """The pieces at `numbers`, one after another."""
        return b"".join(self[number] for number in numbers)


def save_pieces(folder: Path, name: str, pieces: Sequence[bytes]) -> None:
    """Write `pieces` to `folder`."""
    (folder / f"{name}.bin").write_bytes(b"".join(pieces))
    np.save(folder / f"{name}.npy", np.cumsum([0, *map(len, pieces)]))


def load_array(path: Path, *, mapped: bool) -> np.ndarray:
    """The array in the file at `path`, memory-mapped or read; a plain one, as NumPy's own mapped ones slice slowly."""
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))


def _mapped(path: Path) -> np.ndarray:
    # an empty file cannot be mapped
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r")) if path.stat().st_size else np.zeros(0, dtype=np.uint8)
