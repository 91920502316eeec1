"""The sets of labelled questions: what each is, where it comes from, what its licence allows, and how it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eval.questions import LabelError, Task
from eval.tasks.beir import beir_task
from eval.tasks.changes import changes_task
from eval.tasks.legalbench_rag import legalbench_rag_task
from eval.tasks.privacyqa import privacyqa_task
from eval.tasks.privacyspy import privacyspy_task
from eval.tasks.reading import reading_task
from eval.tasks.sample import sample_task


@dataclass(frozen=True, slots=True)
class TaskSource:
    """A set that can be measured, once its data is there.

    Attributes:
        folders: where its data may lie under a folder that a user gives; empty if it is part of this project.
        origin: where the data comes from.
        licence: what it is under, and so what it may be used for.
        splits: those that its files hold, the visible one to look at first.
        read: makes the task of its folder.
        held_out: measured when it is named only, never by the way.
    """

    name: str
    about: str
    folders: tuple[str, ...]
    origin: str
    licence: str
    splits: tuple[str, ...]
    read: Callable[[Path], Task]
    held_out: bool = False

    def found_in(self, data: Sequence[Path]) -> Path | None:
        """Its folder under one of `data`, or None."""
        places = (root / folder for root in data for folder in self.folders)
        return next((place for place in places if place.is_dir()), None)

    def load(self, data: Sequence[Path]) -> Task:
        """The task, read from its folder under one of `data`.

        Raises:
            LabelError: the data is not there (the message says where it comes from), or it is damaged.
        """
        if not self.folders:
            return self.read(Path())
        folder = self.found_in(data)
        if folder is None:
            looked = ", ".join(str(root / place) for root in data for place in self.folders) or "no folder was given"
            raise LabelError(
                f"the data of {self.name} is not there (looked for {looked}): it comes from {self.origin} "
                f"({self.licence}); name the folder that holds {self.folders[0]}/ with --data"
            )
        return self.read(folder)


def _source(name: str, about: str, origin: str, licence: str, splits: str, *, complete: bool = True) -> TaskSource:
    folders, read = (f"benchmarks/{name}", name), partial(beir_task, complete=complete)
    return TaskSource(name, about, folders, origin, licence, tuple(splits.split()), read)


SOURCES = (
    TaskSource(
        "sample",
        "332 questions about the five sample policies, of six kinds",
        (),
        "this repository, eval/questions/",
        "Apache-2.0",
        ("dev", "test"),
        lambda _: sample_task(),
    ),
    _source(
        "gdpr200",
        "apps' policies, every passage labelled, answerable and not",
        "the GDPR completeness annotations of 200 app policies, questions written for this set",
        "GPL-3.0: evaluation and tuning of settings, no training of weights that ship",
        "dev train",
    ),
    _source(
        "tosdr_quotes",
        "services' policies and the span that people quoted from them; S@k and MRR only",
        "Terms of Service; Didn't Read (labels) and Open Terms Archive (documents)",
        "labels CC BY-SA 3.0, documents ODC-BY 1.0: may train, with attribution",
        "dev train",
        complete=False,
    ),
    _source(
        "opp115_policyqa",
        "web sites' policies in segments, annotated by law students, with PolicyQA's questions",
        "OPP-115 (Wilson et al. 2016) and PolicyQA (Ahmad et al. 2020)",
        "research only, non-commercial: evaluation and tuning of settings, no training of weights that ship",
        "dev train",
    ),
    _source(
        "consumer_contracts_qa",
        "clauses of terms of service, one a question; calibrates this harness",
        "LegalBench's Consumer Contracts QA as MTEB publishes it",
        "CC BY-NC 4.0: evaluation only",
        "test",
    ),
    TaskSource(
        "privacyspy",
        "products' policies, graded by people on twelve questions of yes, no or in part",
        ("benchmarks/privacyspy", "privacyspy"),
        "PrivacySpy (gradings) and the policies that it archived, quotes put back into them",
        "GPL-3.0 and CC BY 4.0: evaluation and tuning of settings, no training of weights that ship",
        ("dev",),
        privacyspy_task,
    ),
    TaskSource(
        "reading",
        "questions about policies of Open Terms Archive, passages judged: yes, no, it depends, states it, or nothing",
        ("corpus/policies", "policies"),
        "this repository, eval/reading/; the policies are Open Terms Archive's",
        "Apache-2.0, the policies ODC-BY 1.0",
        ("dev", "test"),
        reading_task,
    ),
    TaskSource(
        "changes",
        "questions about change over time, of whole histories; the first run builds their index, tens of minutes",
        ("ota",),
        "this repository, eval/labels/; the histories are the Platform Governance Archive's, with Open Terms Archive",
        "Apache-2.0, the documents ODC-BY 1.0",
        ("dev", "test"),
        changes_task,
        held_out=True,
    ),
    TaskSource(
        "privacyqa",
        "mobile apps' policies, asked by people who had not read them, answered by lawyers",
        ("benchmarks/privacyqa", "privacyqa", "PrivacyQA_EMNLP"),
        "the repository AbhilashaRavichander/PrivacyQA_EMNLP on GitHub (Ravichander et al. 2019)",
        "its repository states none: ask its authors before any use but evaluation",
        ("train", "test"),
        privacyqa_task,
        held_out=True,
    ),
    *(
        TaskSource(
            f"legalbench_rag_{part}",
            about,
            ("benchmarks/legalbench_rag", "legalbench_rag", "LegalBench-RAG"),
            "the repository zeroentropy-ai/legalbenchrag on GitHub (Pipitone & Alami 2024)",
            "code MIT; ContractNLI and CUAD CC BY 4.0, PrivacyQA and MAUD as their authors say: evaluation only",
            ("test",),
            partial(legalbench_rag_task, benchmark=part),
            held_out=True,
        )
        for part, about in (
            ("privacy_qa", "PrivacyQA's questions, asked of pooled policies"),
            ("contractnli", "non-disclosure agreements"),
            ("cuad", "commercial contracts"),
            ("maud", "merger agreements"),
        )
    ),
)


def source(name: str) -> TaskSource:
    """The set called `name`.

    Raises:
        LabelError: there is none; the message lists those that are.
    """
    for entry in SOURCES:
        if entry.name == name:
            return entry
    raise LabelError(f"no task {name!r}, expected one of {', '.join(entry.name for entry in SOURCES)}")
