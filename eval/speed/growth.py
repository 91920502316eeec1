"""Large indexes made of a small one: its policies again and again as of other companies, terms and vectors varied.

Of each passage some terms are replaced by rarer ones, and every vector is turned towards one of another passage, so
that between the real ones lie more, as they do among real ones; the text that is shown is the real one. Files are
written too, so that such an index can be updated. It does not know questions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.build import FoundGroup, FoundPolicy, ReadyGroup, build_of_ready, splitter
from index.embedding import Embedder
from index.manifest import Manifest
from index.policies.attribution import attributed
from index.policies.versions import Policy, of_document
from index.sharing import NewGroup, group_of
from index.sources.files import parse_policy_text, read_policy_file
from index.sources.folder import named, survey

_HEADER = (
    "> *The following text is extracted and transformed from the {} privacy policy that was archived on 2020-01-01. "
    "Please check the [original snapshot](https://web.archive.org/).*\n\n"
)
_REPLACED_TERMS, _RARE_TERMS, _MOST_TURNED = 0.1, 200_000, 0.8


def company_of(number: int) -> str:
    """The domain of the made company of that number; all are equally long."""
    return f"company{number:07d}.example"


def grown(
    policies: Sequence[Path], out: Path, *, passages: int, embedder: Embedder, seed: int = 0
) -> tuple[Manifest, Path]:
    """An index of at least so many `passages`, published in `out / "index"`, and the folder of its files.

    Args:
        policies: real ones, whose passages are embedded once.
    """
    files = out / "policies"
    files.mkdir(parents=True)
    bases = _bases(policies, embedder)
    written, count = 0, 0
    while count < passages:
        text, new, _ = bases[written % len(bases)]
        domain = company_of(written)
        (files / f"{domain}.md").write_text(_HEADER.format(domain) + text, encoding="utf-8")
        count += len(new.rows)
        written += 1
    sources, _ = survey([files], known={}, known_at_ns=0, progress=lambda *_: None)
    company_ids, companies = attributed([file.claim for file in sources], [file.path for file in sources])
    found = named(sources, company_ids, companies)
    draw = np.random.default_rng(seed)
    pools = [np.concatenate([vectors[kind] for _, _, vectors in bases]) for kind in range(2)]

    def ready() -> Iterator[ReadyGroup]:
        for number, (policy, file) in enumerate(found):
            text, new, vectors = bases[number % len(bases)]
            (version,) = new.versions
            whole = replace(policy, text=_HEADER.format(company_of(number)) + text, blocks=version.policy.blocks)
            rows = [
                replace(
                    row,
                    terms=_varied_terms(row.terms, draw),
                    sentence_terms=[_varied_terms(terms, draw) for terms in row.sentence_terms],
                )
                for row in new.rows
            ]
            passages, sentences = (_turned(mine, pool, draw) for mine, pool in zip(vectors, pools, strict=True))
            group = FoundGroup((FoundPolicy(policy, file),), None)
            yield ReadyGroup(group, NewGroup([replace(version, policy=whole)], rows), (passages, sentences))

    manifest = build_of_ready(ready(), out / "index", companies=companies, sources=[files], embedder=embedder)
    return manifest, files


def _bases(policies: Sequence[Path], embedder: Embedder) -> list[tuple[str, NewGroup, tuple[np.ndarray, np.ndarray]]]:
    """Of each policy its text without a header, what is searched of it under a made header, and its vectors."""
    split = splitter(embedder)
    bases = []
    for path in policies:
        file = read_policy_file(path)
        text = file.text[file.body_start :]
        header = _HEADER.format(company_of(0))
        bare = Policy("made", "made", "made", None, None, "", len(header), path.name)
        policy = of_document(bare, parse_policy_text(header + text, path=path.name).document)
        found = split(policy)
        if found:
            new = group_of([(policy, found)])
            vectors = (embedder.embed_passages(new.passage_texts), embedder.embed_passages(new.sentence_texts))
            bases.append((text, new, vectors))
    return bases


def _varied_terms(terms: Sequence[str], draw: np.random.Generator) -> list[str]:
    rare = draw.integers(0, _RARE_TERMS, len(terms))
    replaced = draw.random(len(terms)) < _REPLACED_TERMS
    return [f"rare{number}" if other else term for term, number, other in zip(terms, rare, replaced, strict=True)]


def _turned(vectors: np.ndarray, pool: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Unit rows between `vectors` and others drawn from `pool`, and nearer to the former."""
    others = pool[draw.integers(0, len(pool), len(vectors))]
    turned: np.ndarray = vectors + draw.uniform(0, _MOST_TURNED, (len(vectors), 1)).astype(np.float32) * others
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    return turned
