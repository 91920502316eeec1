"""Made tasks and a system that gives back what it is told to, for the tests of the evaluation."""

from collections.abc import Mapping, Sequence

from eval.questions import Document, LabelledQuestion, Setting, Span, Task, Unit
from eval.systems import Retrieved

PARAGRAPHS = (
    "We sell your personal data to advertisers in many countries of the world.",
    "Our cookies remember your language and the pages that you have seen.",
    "We keep your account for two years after you have closed it.",
    "You may write to our privacy officer at any time about your rights.",
)


def document(name: str, company: str) -> Document:
    """A policy of four paragraphs, its own name in each; the paragraphs are its units."""
    units, parts, position = [], [], 0
    for paragraph in PARAGRAPHS:
        text = f"{company}: {paragraph}"
        units.append(Unit(position, position + len(text), text))
        parts.append(text)
        position += len(text) + 2
    return Document(name, "\n\n".join(parts), company, tuple(units))


ACME, BOLT = document("acme.md", "Acme"), document("bolt.md", "Bolt")


def span(of: Document, place: int) -> Span:
    """The unit at `place`."""
    return Span(of.file, of.units[place].start, of.units[place].end)


def question(name: str, of: Document, *labels: int, split: str = "dev", **changes: object) -> LabelledQuestion:
    """A question about `of` that the units at `labels` answer; not stated without any."""
    return LabelledQuestion(
        id=name,
        kind="answerable" if labels else "not_stated",
        split=split,
        text=f"question {name}",
        policy_files=(of.file,),
        spans=tuple(span(of, label) for label in labels),
        text_open=f"{of.company}: question {name}",
        **changes,  # type: ignore[arg-type]
    )


def task(*questions: LabelledQuestion, complete: bool = True) -> Task:
    """Two policies, and `questions` about them."""
    return Task("made", (ACME, BOLT), questions, complete=complete)


class Scripted:
    """A system that gives each question what the script says, best first; of equal score unless told."""

    name = "scripted"

    def __init__(self, script: Mapping[str, Sequence[Span]], *, outcome: str | None = None) -> None:
        self._script = script
        self._outcome = outcome
        self.spans = [span(of, place) for of in (ACME, BOLT) for place in range(len(PARAGRAPHS))]
        self.manifest = {"passages": len(self.spans)}

    def ask(self, question: LabelledQuestion, *, setting: Setting, k: int) -> Retrieved:
        """See `eval.systems.System`."""
        spans = tuple(self._script.get(question.id, ()))[:k]
        return Retrieved(spans, (0.5,) * len(spans), 0.5 if spans else 0.0, self._outcome, took_ms=1.0)
