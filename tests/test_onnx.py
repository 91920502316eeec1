"""Two ways to the shipped model's vectors: ONNX Runtime gives what sentence-transformers gives, of the same weights."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

from eval.onnx_graph import write_graph, write_questions_graph
from index.embedding import DEFAULT_FOLDER, DEFAULT_MODEL, Embedder, SentenceTransformersEmbedder, open_embedder
from index.errors import ModelError
from index.onnx_embedding import GRAPH, QUESTIONS_GRAPH, OnnxEmbedder
from qa.intents import read_intents

TEXTS = [
    "does it notify me on acquisition?",
    "",
    "We are not obligated to notify Web site users of any such transaction.",
    "Größe, naïve, 日本語, 🙂 and \u202eright-to-left",
    "personal data " * 400,
]


@pytest.fixture(scope="module")
def reference() -> SentenceTransformersEmbedder:
    return SentenceTransformersEmbedder()


def test_the_default_model_runs_by_onnx_and_any_other_by_sentence_transformers(embedder: Embedder):
    assert isinstance(embedder, OnnxEmbedder)
    assert isinstance(open_embedder(str(DEFAULT_FOLDER)), SentenceTransformersEmbedder)


def test_without_sentence_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'askpolicy\[models\]'"):
        open_embedder(str(DEFAULT_FOLDER))


def test_both_ways_are_one_model(embedder: Embedder, reference: SentenceTransformersEmbedder):
    known = [(each.name, each.content_hash, each.dimension, each.max_tokens) for each in (embedder, reference)]
    assert known[0] == known[1]
    assert [embedder.count_tokens(text) for text in TEXTS] == [reference.count_tokens(text) for text in TEXTS]


def test_both_ways_give_the_same_vectors(embedder: Embedder, reference: SentenceTransformersEmbedder):
    texts = TEXTS + [text for intent in read_intents()[::12] for text in (*intent["kept"], *intent["says"])]
    assert np.allclose(embedder.embed_passages(texts), reference.embed_passages(texts), atol=1e-5)


def test_questions_in_whole_numbers_are_near_the_reference(embedder: Embedder, reference: SentenceTransformersEmbedder):
    kept = [question for intent in read_intents() for question in intent["kept"]][:400]
    cosines = (embedder.embed_questions(kept) * reference.embed_questions(kept)).sum(axis=1)
    assert cosines.min() >= 0.99
    assert cosines.mean() >= 0.995


def test_a_questions_vector_does_not_depend_on_what_is_embedded_beside_it(embedder: Embedder):
    kept = [question for intent in read_intents()[:40] for question in intent["kept"]]
    alone = np.concatenate([embedder.embed_questions([question]) for question in kept])
    assert np.allclose(embedder.embed_questions(kept), alone, atol=1e-6)


def test_vectors_are_unit_rows_in_the_order_of_the_texts(embedder: Embedder):
    seen: list[tuple[int, int]] = []
    vectors = embedder.embed_passages(TEXTS * 20, progress=lambda done, total: seen.append((done, total)))
    assert vectors.shape == (100, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.allclose(vectors, np.tile(vectors[:5], (20, 1)), atol=1e-5)
    assert seen[-1] == (100, 100)
    assert embedder.embed_questions([]).shape == (0, embedder.dimension)


@pytest.mark.parametrize(
    "name", [QUESTIONS_GRAPH, GRAPH, "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
)
def test_a_model_folder_that_lacks_a_file_is_told(tmp_path: Path, name: str):
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_FOLDER, folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=r"cannot be read .* install askpolicy again"):
        OnnxEmbedder(folder, name=DEFAULT_MODEL)


def tiny_model(folder: Path) -> Path:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "two", "texts", "of", "unlike", "length"]
    vocabulary = folder.with_suffix(".txt")
    vocabulary.write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    bert = folder.with_suffix(".bert")
    BertModel(BertConfig(vocab_size=len(words), **shape), add_pooling_layer=False).save_pretrained(bert)
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(bert)
    transformer = Transformer(str(bert), max_seq_length=16)
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu").half().save(
        str(folder), create_model_card=False
    )
    return folder


def test_the_graph_of_a_trained_model_takes_its_weights_from_its_file(tmp_path: Path):
    folder = tiny_model(tmp_path / "tiny")
    write_graph(folder)
    write_questions_graph(folder)
    assert (folder / GRAPH).stat().st_size < 200_000
    onnx, reference = OnnxEmbedder(folder, name="tiny"), SentenceTransformersEmbedder(str(folder))
    texts = ["two texts", "of unlike length of", "length"]
    assert np.allclose(onnx.embed_passages(texts), reference.embed_passages(texts), atol=1e-5)
    assert (onnx.embed_questions(texts) * reference.embed_questions(texts)).sum(axis=1).min() > 0.98


def test_weights_that_the_graph_does_not_know_are_told(tmp_path: Path):
    folder = tiny_model(tmp_path / "tiny")
    model = SentenceTransformer(str(folder), device="cpu")
    weights = {f"other.{name}": weight for name, weight in model[0].model.state_dict().items()}
    shutil.copytree(folder, tmp_path / "renamed")
    save_file(weights, str(tmp_path / "renamed" / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(ValueError, match="holds no weight"):
        write_graph(tmp_path / "renamed")
