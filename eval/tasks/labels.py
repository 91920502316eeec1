"""Policies of the training corpus, each sentence labelled with the intents that it answers, and what is asked of them.

Labels are complete: of any intent it is known where a policy answers it, or that it does not. They train the model,
tell how often policies say what is asked, and, with wordings that nothing else has seen, fit the probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from eval.questions import Document, LabelledQuestion, Setting, Span, Task, json_lines, read_text
from eval.tasks.bank import BANK, bank_dev_files
from qa.intents import read_intents

LABELS = Path(__file__).parent.parent / "labels.jsonl"
# Of each policy so many intents that it answers are asked, and as many that it does not.
_ASKED = 20


@dataclass(frozen=True, slots=True)
class LabelledPolicy:
    """A policy whose sentences were all read.

    Attributes:
        file: its name in the corpus.
        answers: for each span that answers anything, the intents that it answers.
    """

    file: str
    answers: Mapping[Span, frozenset[str]]

    @property
    def intents(self) -> frozenset[str]:
        """What the policy answers somewhere."""
        return frozenset().union(*self.answers.values())


@cache
def labelled_policies(*, split: str) -> tuple[LabelledPolicy, ...]:
    """Those of `split`, "train" or "dev"; dev are those that the bank keeps from training, too."""
    dev = bank_dev_files([fields for _, fields in json_lines(BANK)])
    found = []
    for _, fields in json_lines(LABELS):
        if (fields["file"] in dev) == (split == "dev"):
            answers = {
                Span(fields["file"], start, end): frozenset(intents) for start, end, intents in fields["sentences"]
            }
            found.append(LabelledPolicy(fields["file"], answers))
    return tuple(found)


def share_of_policies(policies: Sequence[LabelledPolicy]) -> dict[str, float]:
    """How many of `policies` answer each intent, as a share; none and all count as half a policy off."""
    answered = {intent["intent"]: 0 for intent in read_intents()}
    for policy in policies:
        for name in policy.intents:
            answered[name] += 1
    return {name: min(max(count, 0.5), len(policies) - 0.5) / len(policies) for name, count in answered.items()}


def labels_task(policies: Path, *, split: str, seed: int = 0) -> Task:
    """Intents asked of the labelled policies in wordings that nothing was trained on; half of them are not answered.

    Args:
        policies: the folder of the corpus's policy files.
        split: "train" or "dev": the policies'.
    """
    draw = Random(seed)
    kept = {intent["intent"]: intent["kept"] for intent in read_intents()}
    documents, questions = [], []
    for policy in labelled_policies(split=split):
        documents.append(Document(policy.file, read_text(policies / policy.file), policy.file))
        absent = sorted(set(kept) - policy.intents)
        present = sorted(policy.intents)
        for name in draw.sample(present, min(_ASKED, len(present))) + draw.sample(absent, _ASKED):
            spans = tuple(span for span, answered in policy.answers.items() if name in answered)
            questions.append(
                LabelledQuestion(
                    f"{policy.file}:{name}",
                    "answerable" if spans else "not_stated",
                    split,
                    draw.choice(kept[name]),
                    (policy.file,),
                    spans,
                )
            )
    return Task(f"labels-{split}", tuple(documents), tuple(questions), complete=True, settings=(Setting.PER_POLICY,))
