"""For research: every span that answers as flat records, as a pandas DataFrame and as Parquet.

from qa.frames import spans_frame

frame = spans_frame(assistant, ["do they sell my data?"], threshold=0.3)
"""

from collections.abc import Iterator, Sequence
from datetime import date
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO

from index.errors import AskPolicyError
from qa.assistant import Assistant
from qa.comparison import AnsweringSpan, Comparison
from qa.effort import READ_PASSAGES

if TYPE_CHECKING:
    import pandas as pd

THRESHOLD = 0.5
_ROWS_AT_ONCE = 10_000
COLUMNS: dict[str, str] = {
    "company_id": "string",
    "company": "string",
    "question": "string",
    "part": "int32",
    "start": "int64",
    "end": "int64",
    "text": "string",
    "passage_score": "float64",
    "sentence_score": "float64",
    "passage_start": "int64",
    "passage_end": "int64",
    "heading": "string",
    "policy_id": "string",
    "policy": "string",
    "document_type": "string",
    "archived_on": "date32",
    "effective_on": "date32",
    "source_url": "string",
    "licence": "string",
    "attribution": "string",
    "index_version": "string",
}
"""The columns of a span, with their Arrow types; offsets are code points of the policy's text."""


class NoFrames(AskPolicyError):
    """The library that makes data frames or Parquet files is not installed."""


def span_records(
    comparison: Comparison, *, threshold: float = THRESHOLD, depth: int = READ_PASSAGES
) -> Iterator[dict[str, Any]]:
    """Every span that answers, by `COLUMNS`; for `threshold` and `depth` see `Comparison.spans`.

    Raises:
        ValueError: `threshold` is not in [0, 1], or `depth` is below 1.
    """
    if not 0.0 <= threshold <= 1.0 or depth < 1:
        raise ValueError(f"expected a threshold in [0, 1] and a depth from 1 on, got {threshold} and {depth}")
    for found in comparison.spans(threshold=threshold, depth=depth):
        yield _record(comparison, found)


def _record(comparison: Comparison, found: AnsweringSpan) -> dict[str, Any]:
    span, policy = found.span, found.policy
    return {
        "company_id": found.company.id,
        "company": found.company.name,
        "question": comparison.questions[found.question],
        "part": found.part,
        "start": span.start,
        "end": span.end,
        "text": span.text,
        "passage_score": round(span.passage_score, 6),
        "sentence_score": span.sentence_score,
        "passage_start": span.passage.start,
        "passage_end": span.passage.end,
        "heading": " > ".join(span.passage.heading) or None,
        "policy_id": policy.id,
        "policy": policy.title,
        "document_type": policy.type,
        "archived_on": policy.archived_on,
        "effective_on": policy.effective_on,
        "source_url": policy.source_url,
        "licence": policy.licence,
        "attribution": policy.attribution,
        "index_version": comparison.index_version,
    }


def spans_frame(
    assistant: Assistant,
    questions: Sequence[str],
    *,
    companies: Sequence[str] = (),
    as_of: date | None = None,
    threshold: float = THRESHOLD,
    depth: int = READ_PASSAGES,
) -> "pd.DataFrame":
    """A row for each span that answers one of `questions`; for the rest see `Assistant.compare` and `span_records`.

    Raises:
        NoFrames: pandas is not installed.
        BadQuestion, ValueError: as these raise.
    """
    check_installed("pandas")
    import pandas as pd

    comparison = assistant.compare(questions, companies=companies, as_of=as_of)
    return pd.DataFrame(list(span_records(comparison, threshold=threshold, depth=depth)), columns=list(COLUMNS))


def write_parquet(records: Iterator[dict[str, Any]], file: BinaryIO) -> None:
    """Write `records`, each with `COLUMNS`, as one Parquet file; they need not fit into memory.

    Raises:
        NoFrames: pyarrow is not installed.
    """
    check_installed("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
    with pq.ParquetWriter(file, schema) as writer:
        rows: list[dict[str, Any]] = []
        for record in records:
            rows.append(record)
            if len(rows) == _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))


def check_installed(library: str) -> None:
    """Nothing, where `library` is installed.

    Raises:
        NoFrames: it is not.
    """
    if find_spec(library) is None:
        raise NoFrames(f"this needs {library}: run `pip install 'askpolicy[tables]'`, or take JSON lines")
