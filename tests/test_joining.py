"""Questions of several threads are embedded together, and each thread gets its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from index.joining import JoiningEmbedder
from tests.tiny import TinyEmbedder


class Slow(TinyEmbedder):
    """Embeds the first time only once it may, and remembers how many texts it was given each time."""

    def __init__(self) -> None:
        super().__init__()
        self.may, self.began, self.sizes = Event(), Event(), list[int]()

    def embed_questions(self, texts):  # type: ignore[no-untyped-def]
        self.sizes.append(len(texts))
        self.began.set()
        self.may.wait(timeout=30)
        if "broken" in texts:
            raise ValueError("broken")
        return super().embed_questions(texts)


def asked_at_once(slow: Slow, texts: list[str]) -> list[np.ndarray | BaseException | None]:
    """What comes of `texts`, each asked by a thread of its own while the first is being embedded."""
    joining = JoiningEmbedder(slow)
    with ThreadPoolExecutor(len(texts)) as pool:
        first = pool.submit(joining.embed_questions, texts[:1])
        slow.began.wait(timeout=30)
        others = [pool.submit(joining.embed_questions, [text]) for text in texts[1:]]
        while len(joining._queue) < len(others):
            pass
        slow.may.set()
        futures = [first, *others]
        return [future.exception() or future.result() for future in futures]


def test_who_waits_is_embedded_together_and_gets_its_own():
    slow = Slow()
    texts = [f"question {number}" for number in range(8)]
    found = asked_at_once(slow, texts)
    assert slow.sizes == [1, 7]
    for text, vectors in zip(texts, found, strict=True):
        assert np.array_equal(vectors, TinyEmbedder().embed_questions([text]))


def test_not_too_many_are_embedded_at_once():
    slow = Slow()
    asked_at_once(slow, [f"question {number}" for number in range(80)])
    assert slow.sizes == [1, 32, 32, 15]


def test_an_error_reaches_everybody_it_concerns_and_nobody_later():
    slow = Slow()
    first, *others = asked_at_once(slow, ["fine", "broken", "fine too"])
    assert isinstance(first, np.ndarray)
    assert [type(other) for other in others] == [ValueError, ValueError]
    assert JoiningEmbedder(slow).embed_questions(["fine"]).shape == (1, 64)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_it_is_the_embedder_that_it_was_given(count: int):
    tiny = TinyEmbedder()
    joining = JoiningEmbedder(tiny)
    texts = [f"text {number}" for number in range(count)]
    assert np.array_equal(joining.embed_questions(texts), tiny.embed_questions(texts).reshape(count, 64))
    assert (joining.name, joining.content_hash, joining.dimension) == (tiny.name, tiny.content_hash, 64)
    assert joining.count_tokens("two words") == 2
