"""The loaders of published sets, on small made files in the forms that their authors publish."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.questions import Document, LabelError, LabelledQuestion, Setting, Span, Task, Unit
from eval.tasks.legalbench_rag import legalbench_rag_task
from eval.tasks.privacyqa import privacyqa_task
from eval.tasks.privacyspy import privacyspy_task

TRAIN = ("Folder", "DocID", "QueryID", "SentID", "Split", "Query", "Segment", "Label")
TEST = (*TRAIN[:7], "Any_Relevant", "Ann1", "Ann2", "Ann3", "Ann4", "Ann5", "Ann6")


def train_row(
    sentence: int, segment: str, label: str, *, asked: str = "do you sell it?", question: int = 0
) -> list[str]:
    doc = "Plum Notes _1"
    ids = [doc, f"{doc}_{question}", f"{doc}_{question}_{sentence}"]
    return ["../Train/com.plum", *ids, "train", asked, segment, label]


def voted_row(sentence: int, segment: str, any_relevant: str, answers: str) -> list[str]:
    """A line of the test file; `answers` has a letter for each annotator: R, I or N for none."""
    doc = "Quince_9"
    ids = [doc, f"{doc}_4", f"{doc}_4_{sentence}"]
    words = {"R": "Relevant", "I": "Irrelevant", "N": "None"}
    return ["../Test/q", *ids, "test", "who sees it?", segment, any_relevant, *(words[answer] for answer in answers)]


def write_tsv(path: Path, *rows: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_train(folder: Path, *rows: Sequence[str]) -> Path:
    return write_tsv(folder / "data" / "policy_train_data.csv", TRAIN, *rows)


def write_test(folder: Path, *rows: Sequence[str]) -> Path:
    return write_tsv(folder / "data" / "policy_test_data.csv", TEST, *rows)


def labelled(task: Task, question: LabelledQuestion) -> list[str]:
    texts = {document.file: document.text for document in task.documents}
    return [texts[span.file][span.start : span.end] for span in question.spans]


def test_a_privacyqa_policy_is_its_segments_in_the_order_of_their_numbers(tmp_path: Path):
    write_train(
        tmp_path,
        train_row(10, "We sell nothing.", "Relevant"),
        train_row(2, "We keep notes.", "Irrelevant"),
        train_row(2, "We keep notes.", "Irrelevant", asked="is it safe?", question=1),
        train_row(10, "We sell nothing.", "Irrelevant", asked="is it safe?", question=1),
    )
    task = privacyqa_task(tmp_path)
    units = (Unit(0, 14, "We keep notes."), Unit(15, 31, "We sell nothing."))
    assert task == Task(
        "privacyqa",
        (Document("plum-notes-1.txt", "We keep notes.\nWe sell nothing.", "Plum Notes", units),),
        (
            LabelledQuestion(
                "plum-notes-1-0",
                "answerable",
                "train",
                "do you sell it?",
                ("plum-notes-1.txt",),
                (Span("plum-notes-1.txt", 15, 31),),
                text_open="Plum Notes: do you sell it?",
            ),
            LabelledQuestion(
                "plum-notes-1-1",
                "not_stated",
                "train",
                "is it safe?",
                ("plum-notes-1.txt",),
                (),
                text_open="Plum Notes: is it safe?",
            ),
        ),
    )


def test_a_privacyqa_sentence_that_stands_twice_is_labelled_where_it_is_marked(tmp_path: Path):
    write_train(tmp_path, train_row(0, "Never.", "Irrelevant"), train_row(1, "Never.", "Relevant"))
    task = privacyqa_task(tmp_path)
    assert task.questions[0].spans == (Span("plum-notes-1.txt", 7, 13),)


def test_a_privacyqa_question_that_names_its_app_is_asked_as_it_is(tmp_path: Path):
    write_train(tmp_path, train_row(0, "No.", "Relevant", asked="does Plum Notes sell it? "))
    question = privacyqa_task(tmp_path).questions[0]
    assert (question.text, question.text_open) == ("does Plum Notes sell it?", "")


@pytest.mark.parametrize(
    ("relevant_if", "expected"),
    [("any", ["One of six.", "One of two.", "Two of three."]), ("majority", ["Two of three."])],
)
def test_privacyqa_annotators_count_one_by_one_or_by_majority_of_those_who_answered(
    tmp_path: Path, relevant_if: Any, expected: list[str]
):
    write_test(
        tmp_path,
        voted_row(0, "One of six.", "Relevant", "RIIIII"),
        voted_row(1, "One of two.", "Relevant", "RINNNN"),
        voted_row(2, "Two of three.", "Relevant", "NNNRIR"),
        voted_row(3, "None of six.", "Irrelevant", "IIIIII"),
        voted_row(4, "Nobody answered.", "Irrelevant", "NNNNNN"),
    )
    task = privacyqa_task(tmp_path, relevant_if=relevant_if)
    assert labelled(task, task.questions[0]) == expected
    assert (task.questions[0].split, task.questions[0].kind) == ("test", "answerable")


def test_a_privacyqa_question_is_not_stated_if_the_majority_says_so(tmp_path: Path):
    write_test(tmp_path, voted_row(0, "Perhaps.", "Relevant", "RIINNN"))
    assert privacyqa_task(tmp_path, relevant_if="any").questions[0].kind == "answerable"
    assert privacyqa_task(tmp_path, relevant_if="majority").questions[0].kind == "not_stated"


def test_both_privacyqa_files_are_read_beside_each_other_or_in_the_folder_itself(tmp_path: Path):
    write_tsv(tmp_path / "policy_train_data.csv", TRAIN, train_row(0, "Yes.", "Relevant"))
    write_test(tmp_path, voted_row(0, "No.", "Relevant", "RRRRRR"))
    task = privacyqa_task(tmp_path)
    assert [(question.split, question.policy_files) for question in task.questions] == [
        ("train", ("plum-notes-1.txt",)),
        ("test", ("quince-9.txt",)),
    ]
    assert [document.company for document in task.documents] == ["Plum Notes", "Quince"]


ODD_SEGMENTS = {
    '"Data" means all we know.': '"Data" means all we know.',
    '"It opens and never closes.': '"It opens and never closes.',
    '"We call it ""data""."': 'We call it "data".',
    "One\u2028line, two\u0085ends.": "One\u2028line, two\u0085ends.",
    "Żółw 🐢 grüßt, e\u0301 too.": "Żółw 🐢 grüßt, e\u0301 too.",
    "  spaces stay  ": "  spaces stay  ",
}


def test_privacyqa_quotes_and_odd_characters_neither_break_a_line_nor_shift_a_label(tmp_path: Path):
    rows = [train_row(number, segment, "Relevant") for number, segment in enumerate(ODD_SEGMENTS)]
    write_train(tmp_path, *rows)
    task = privacyqa_task(tmp_path)
    assert labelled(task, task.questions[0]) == list(ODD_SEGMENTS.values())
    assert [unit.text for unit in task.documents[0].units] == list(ODD_SEGMENTS.values())


@pytest.mark.parametrize("fields", [7, 9])
def test_a_privacyqa_line_with_another_number_of_fields_is_told(tmp_path: Path, fields: int):
    path = write_train(tmp_path, train_row(0, "Yes.", "Relevant"), [*train_row(1, "No.", "Relevant"), "x"][:fields])
    with pytest.raises(LabelError, match=rf"{path}:3: {fields} fields between tabs, expected 8"):
        privacyqa_task(tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([train_row(0, "Yes.", "Maybe")], ":2: Label is 'Maybe', expected one of Relevant, Irrelevant"),
        ([train_row(0, "", "Relevant")], ":2: Segment is empty"),
        (
            [train_row(0, "Yes.", "Relevant"), train_row(0, "No.", "Relevant", question=1)],
            ":3: sentence 0 of 'Plum Notes _1' is 'No.' here, but was 'Yes.' in an earlier line",
        ),
        (
            [train_row(0, "Yes.", "Relevant"), train_row(1, "No.", "Relevant", asked="why?")],
            ":3: question 'Plum Notes _1_0' is 'why[?]' here, but was 'do you sell it[?]'",
        ),
        (
            [train_row(0, "Yes.", "Relevant"), train_row(0, "Yes.", "Irrelevant")],
            ":3: whether sentence 0 answers 'Plum Notes _1_0' is False here, but was True",
        ),
        (
            [[*train_row(0, "Yes.", "Relevant")[:3], "Plum Notes _1_0_first", "train", "why?", "Yes.", "Relevant"]],
            ":2: SentID 'Plum Notes _1_0_first', expected a sentence number",
        ),
        (
            [
                train_row(0, "Yes.", "Relevant"),
                ["", "Other_2", "Plum Notes _1_0", "Other_2_0_0", "train", "why?", "No.", "Relevant"],
            ],
            ":3: id 'plum-notes-1-0' stands at .*policy_train_data.csv:2 already",
        ),
    ],
)
def test_a_wrong_privacyqa_line_is_told_with_file_and_line(tmp_path: Path, rows: list[list[str]], said: str):
    write_train(tmp_path, *rows)
    with pytest.raises(LabelError, match="policy_train_data.csv" + said):
        privacyqa_task(tmp_path)


@pytest.mark.parametrize(
    ("relevant_if", "column", "said"),
    [
        ("any", 7, "Any_Relevant is 'None', expected one of Relevant, Irrelevant"),
        ("majority", 9, "Ann2 is 'nan', expected one of Relevant, Irrelevant, None"),
    ],
)
def test_an_unknown_label_of_the_privacyqa_test_file_is_told(tmp_path: Path, relevant_if: Any, column: int, said: str):
    row = voted_row(0, "Yes.", "Relevant", "RRRRRR")
    row[column] = said.split("'")[1]
    write_test(tmp_path, row)
    with pytest.raises(LabelError, match=rf"policy_test_data.csv:2: {said}"):
        privacyqa_task(tmp_path, relevant_if=relevant_if)


def test_a_privacyqa_question_in_both_files_is_told(tmp_path: Path):
    row = voted_row(0, "Yes.", "Relevant", "RRRRRR")
    write_train(tmp_path, row[:8])
    write_test(tmp_path, row)
    with pytest.raises(LabelError, match=r"policy_test_data.csv:2: the split of 'Quince_9_4' is 'test' here"):
        privacyqa_task(tmp_path)


def test_two_privacyqa_policies_never_get_one_file_name(tmp_path: Path):
    other = ["", "Plum-Notes_1", "Plum-Notes_1_0", "Plum-Notes_1_0_0", "train", "why?", "No.", "Relevant"]
    write_train(tmp_path, train_row(0, "Yes.", "Relevant"), other)
    with pytest.raises(
        LabelError, match=r"two policies would be called plum-notes-1.txt, one of them is 'Plum-Notes_1'"
    ):
        privacyqa_task(tmp_path)


@pytest.mark.parametrize(("columns", "missing"), [(TRAIN[:7], "Label"), (("Folder", *TRAIN[2:]), "DocID")])
def test_a_missing_privacyqa_column_is_told(tmp_path: Path, columns: tuple[str, ...], missing: str):
    path = write_tsv(tmp_path / "data" / "policy_train_data.csv", columns)
    with pytest.raises(LabelError, match=rf"{path}:1: no column {missing} in"):
        privacyqa_task(tmp_path)


def test_a_missing_privacyqa_annotator_is_told(tmp_path: Path):
    path = write_tsv(tmp_path / "policy_test_data.csv", TEST[:-1])
    with pytest.raises(LabelError, match=rf"{path}:1: no column Ann6 in"):
        privacyqa_task(tmp_path)


def test_a_git_lfs_pointer_instead_of_privacyqa_is_told(tmp_path: Path):
    (tmp_path / "policy_train_data.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(LabelError, match=r"policy_train_data.csv:1: .* run `git lfs pull`"):
        privacyqa_task(tmp_path)


def test_a_folder_without_privacyqa_says_where_it_comes_from(tmp_path: Path):
    with pytest.raises(LabelError, match=r"github.com/AbhilashaRavichander/PrivacyQA_EMNLP .*licence") as raised:
        privacyqa_task(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}: ")


# LegalBench-RAG

CORPUS = {
    "privacy_qa/Plum.txt": "We keep notes.\nŻółw 🐢: we sell nothing.\n",
    "privacy_qa/Quince: To Do, v2.0.txt": "Nobody asks about this one.\n",
    "cuad/deal.txt": "The deal.\n",
}


def asked(*snippets: object, query: object = 'Consider "Plum"\'s privacy policy; do you sell it?') -> dict[str, object]:
    return {"query": query, "snippets": list(snippets)}


def snippet(start: object, end: object, **others: object) -> dict[str, object]:
    return {"file_path": "privacy_qa/Plum.txt", "span": [start, end], **others}


def rag_folder(folder: Path, *tests: object, corpus: dict[str, str] = CORPUS) -> Path:
    for file, text in corpus.items():
        path = folder / "corpus" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return write_benchmark(folder, json.dumps({"tests": tests}))


def write_benchmark(folder: Path, text: str) -> Path:
    path = folder / "benchmarks" / "privacy_qa.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_legalbench_rag_pools_every_document_of_the_folders_that_are_asked_about(tmp_path: Path):
    test = asked(snippet(0, 14), snippet(23, 39, answer="we sell nothing."))
    question = str(test["query"])
    labels = (Span("privacy_qa/Plum.txt", 0, 14), Span("privacy_qa/Plum.txt", 23, 39))
    task = legalbench_rag_task(rag_folder(tmp_path, {**test, "tags": ["privacy_qa"]}), "privacy_qa")
    assert task == Task(
        "legalbench_rag_privacy_qa",
        (
            Document("privacy_qa/Plum.txt", CORPUS["privacy_qa/Plum.txt"], "Plum"),
            Document("privacy_qa/Quince: To Do, v2.0.txt", "Nobody asks about this one.\n", "Quince: To Do, v2.0"),
        ),
        (LabelledQuestion("privacy_qa-0", "answerable", "test", question, ("privacy_qa/Plum.txt",), labels),),
        complete=True,
        settings=(Setting.OPEN, Setting.PER_POLICY),
    )
    assert labelled(task, task.questions[0]) == ["We keep notes.", "we sell nothing."]


def test_a_legalbench_rag_question_may_stand_twice_and_be_about_two_files(tmp_path: Path):
    other = {"file_path": "cuad/deal.txt", "span": [0, 3]}
    task = legalbench_rag_task(rag_folder(tmp_path, asked(snippet(0, 2)), asked(snippet(3, 7), other)), "privacy_qa")
    assert [(question.id, question.policy_files) for question in task.questions] == [
        ("privacy_qa-0", ("privacy_qa/Plum.txt",)),
        ("privacy_qa-1", ("privacy_qa/Plum.txt", "cuad/deal.txt")),
    ]
    assert [document.file for document in task.documents] == sorted(CORPUS)


def test_legalbench_rag_offsets_count_each_end_of_line_as_one(tmp_path: Path):
    rag_folder(tmp_path, asked(snippet(4, 7, answer="two")), corpus={})
    (tmp_path / "corpus" / "privacy_qa").mkdir(parents=True)
    (tmp_path / "corpus" / "privacy_qa" / "Plum.txt").write_bytes(b"one\r\ntwo\r\n")
    task = legalbench_rag_task(tmp_path, "privacy_qa")
    assert labelled(task, task.questions[0]) == ["two"]


def test_a_legalbench_rag_file_is_found_whichever_way_its_accents_are_written(tmp_path: Path):
    named = {form: unicodedata.normalize(form, "privacy_qa/Café.txt") for form in ("NFC", "NFD")}
    test = asked({"file_path": named["NFC"], "span": [0, 2]})
    task = legalbench_rag_task(rag_folder(tmp_path, test, corpus={named["NFD"]: "We."}), "privacy_qa")
    assert task.documents == (Document(named["NFC"], "We.", "Café"),)
    assert labelled(task, task.questions[0]) == ["We"]


def test_legalbench_rag_takes_no_hidden_file_for_a_document(tmp_path: Path):
    rag_folder(tmp_path, asked(snippet(0, 2)))
    (tmp_path / "corpus" / "privacy_qa" / ".DS_Store").write_bytes(b"\xff\x00")
    assert len(legalbench_rag_task(tmp_path, "privacy_qa").documents) == 2


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (["not a test"], r"tests\[1\] is list, expected an object"),
        (asked(snippet(0, 2), query=None), r"tests\[1\].query is NoneType, expected a text"),
        ({"query": "why?", "snippets": "x"}, r"tests\[1\].snippets is str, expected a list"),
        (asked(snippet(0, 2), 7), r"tests\[1\].snippets\[1\] is int, expected an object"),
        (asked({"span": [0, 2]}), r"tests\[1\].snippets\[0\].file_path is NoneType, expected a text"),
        (asked({"file_path": "privacy_qa/Plum.txt"}), r"tests\[1\].snippets\[0\].span is None, expected two whole"),
        (asked(snippet(0, "2")), r"tests\[1\].snippets\[0\].span is \[0, '2'\], expected two whole numbers"),
        (asked(snippet(0, 2, answer=3)), r"tests\[1\].snippets\[0\].answer is int, expected a text"),
        (asked(snippet(0, 2, answer="Us")), r"tests\[1\].snippets\[0\]: .*Plum.txt holds 'We' at 0:2, .* 'Us'"),
        (asked(snippet(0, 2), snippet(9, 400)), r"tests\[1\].snippets\[1\]: the label 9:400 lies outside .*Plum.txt"),
        (asked(snippet(5, 5)), r"tests\[1\].snippets\[0\]: the label 5:5 lies outside"),
        (asked({"file_path": "privacy_qa/no.txt", "span": [0, 2]}), r"tests\[1\].snippets\[0\]: .*'privacy_qa/no.txt'"),
        (asked(), r"tests\[1\]: question 'privacy_qa-1' is answerable, but has no label"),
    ],
)
def test_a_wrong_legalbench_rag_test_is_told_with_file_and_place(tmp_path: Path, test: object, said: str):
    rag_folder(tmp_path, asked(snippet(0, 2)), test)
    with pytest.raises(LabelError, match=rf"privacy_qa.json: {said}"):
        legalbench_rag_task(tmp_path, "privacy_qa")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "privacy_qa.json: not JSON"),
        ("[]", "privacy_qa.json is list, expected an object"),
        ('{"questions": []}', "privacy_qa.json: tests is NoneType, expected a list"),
    ],
)
def test_a_legalbench_rag_file_of_another_form_is_told(tmp_path: Path, text: str, said: str):
    with pytest.raises(LabelError, match=said):
        legalbench_rag_task(write_benchmark(tmp_path, text), "privacy_qa")


def test_missing_legalbench_rag_data_is_told_with_where_it_comes_from(tmp_path: Path):
    with pytest.raises(LabelError, match=r"privacy_qa.json is not there: .*github.com/zeroentropy-ai/legalbenchrag"):
        legalbench_rag_task(tmp_path, "privacy_qa")
    rag_folder(tmp_path, asked(snippet(0, 2)), corpus={})
    with pytest.raises(LabelError, match=r"corpus is not there: .*github.com/zeroentropy-ai/legalbenchrag"):
        legalbench_rag_task(tmp_path, "privacy_qa")


def test_privacyspy_asks_what_was_graded_and_knows_what_may_be_said(tmp_path: Path) -> None:
    def graded(name: str, verdict: str, spans: list[list[int]], **more: Any) -> dict[str, Any]:
        asked = {"_id": name, "text": "Do they?", "text_open": "Does Plum?", "file": "plum.md", "question": "sell"}
        known = {"verdict": verdict, "also_ok": [], "answerable": bool(spans), "spans": spans, "split": "dev"}
        return asked | known | more

    rows = [
        graded("a", "partly", [[0, 4]], also_ok=["yes", "unclear-or-silent"]),
        graded("b", "unclear-or-silent", []),
        graded("c", "no", [], answerable=None),
    ]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "plum.md").write_text("Some words.", encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = privacyspy_task(tmp_path)
    assert [(q.id, q.kind, q.spans, q.verdicts) for q in task.questions] == [
        ("a", "answerable", (Span("plum.md", 0, 4),), ("depends", "yes")),
        ("b", "not_stated", (), ()),
    ]
    assert not task.complete
