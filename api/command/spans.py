"""What `askpolicy spans` does: writes every span that answers, as JSON lines or Parquet."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from api.command.compare import NeedsFile
from index.whole_file import whole_file

if TYPE_CHECKING:
    from qa.comparison import Comparison

PARQUET = "parquet"


def check_writable(form: str, out: Path | None) -> None:
    """Nothing, where spans can be written so.

    Raises:
        NeedsFile: Parquet without a file, or a file in no folder.
        NoFrames: pyarrow is not installed.
    """
    from qa.frames import check_installed

    if form == PARQUET:
        check_installed("pyarrow")
        if out is None:
            raise NeedsFile("--format parquet needs a file: give --out FILE")
    if out is not None and not out.parent.is_dir():
        raise NeedsFile(f"{out.parent}: no such folder; make it, or give another --out")


def write_spans(comparison: "Comparison", form: str, out: Path | None, *, threshold: float, depth: int) -> None:
    """Write the spans of `comparison`: a file whole or not at all, standard output as they are found."""
    from qa.frames import span_records, write_parquet

    records = span_records(comparison, threshold=threshold, depth=depth)
    if out is None:
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        return
    with whole_file(out) as file:
        if form == PARQUET:
            write_parquet(records, file)
        else:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n")
