"""What pages that are no policy say, against what policies say: fits `index/parsing/page_words.json`.

A naive Bayes over stems of sentences: `python -m eval.page_words POLICIES`, where POLICIES is a folder of policies.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from index.errors import PolicyError
from index.language.sentences import sentence_spans
from index.parsing.markup import plain
from index.parsing.quality import PAGE_WORDS, content_stems
from index.sources.files import read_policy_file

SENTENCES = Path(__file__).with_name("page_sentences.txt")
_SMOOTHING = 0.5
# Stems that neither kind prefers by this factor say little and are left out.
_LEAST_LOG_RATIO = 0.7
_LEAST_COUNT = 2
_POLICIES = 200


def fit(pages: Iterable[str], policies: Iterable[str]) -> dict[str, float]:
    """For each stem the logarithm of how much likelier a policy's sentence holds it than a page's."""
    counts = [Counter(stem for sentence in each for stem in set(content_stems(sentence))) for each in (pages, policies)]
    totals = [sum(count.values()) for count in counts]
    vocabulary = {stem for stem, count in counts[0].items() if count >= _LEAST_COUNT}
    vocabulary |= {stem for stem, count in counts[1].items() if count >= 20 * _LEAST_COUNT}
    weights = {}
    for stem in sorted(vocabulary):
        shares = [
            (count[stem] + _SMOOTHING) / (total + _SMOOTHING * len(vocabulary))
            for count, total in zip(counts, totals, strict=True)
        ]
        ratio = math.log(shares[1] / shares[0])
        if abs(ratio) >= _LEAST_LOG_RATIO:
            weights[stem] = round(max(-3.0, min(2.0, ratio)), 2)
    return weights


def page_sentences() -> list[str]:
    """Sentences of pages that are no policy."""
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def policy_sentences(paths: Sequence[Path]) -> list[str]:
    """All sentences of the policies at `paths`."""
    found = []
    for path in paths:
        try:
            document = read_policy_file(path).document
        except PolicyError:
            continue
        for block in document.blocks:
            for start, end in sentence_spans(document.text, block.start, block.end):
                found.append(plain(document.text[start:end], document.markup))
    return [sentence for sentence in found if re.search(r"\w+ \w+ \w+", sentence)]


if __name__ == "__main__":
    policies = sorted(Path(sys.argv[1]).iterdir())[::3][:_POLICIES]
    weights = fit(page_sentences(), policy_sentences(policies))
    PAGE_WORDS.write_text(json.dumps(weights, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{PAGE_WORDS.name}: {len(weights)} stems")
