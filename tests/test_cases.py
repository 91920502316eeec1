"""Situations that went wrong for others, asked end to end with the shipped model; names and policies are made up."""

from datetime import date
from pathlib import Path

import pytest

from index.build import build
from index.embedding import Embedder
from index.policy_index import PolicyIndex
from qa.answers import Answer, Outcome
from qa.assistant import Assistant
from qa.reading.reader import open_reader

HEADER = (
    "> *The following text is extracted and transformed from the {} that was archived on {}. Please check the "
    "[original snapshot](https://web.archive.org/web/x) for the most accurate reproduction.*\n\n"
)


def asked(
    folder: Path, embedder: Embedder, question: str, files: dict[str, str], *, as_of: date | None = None
) -> Answer:
    for name, text in files.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    out = folder / "index"
    build([folder / "policies"], out, embedder=embedder)
    return Assistant(PolicyIndex.open(out, embedder=embedder), embedder, reader=open_reader()).ask(
        question, as_of=as_of
    )


@pytest.mark.parametrize(
    ("question", "policy", "quoted"),
    [
        (
            "does Brightloom collect my fingerprints?",
            "# Brightloom Privacy Policy\n\nWe never collect:\n\n- your fingerprints\n- your voice\n",
            "“We never collect: your fingerprints”",
        ),
        (
            "does Brightloom share my heart rate?",
            "# Brightloom Privacy Policy\n\nThis is **not** shared:\n\n1. Wellness\n   - heart rate\n   - steps\n",
            "This is not shared: Wellness heart rate",
        ),
        (
            "does Brightloom sell my email address?",
            "# Questions\n\n### Do you sell my email address?\n\nNever.\n\n### Do you use cookies?\n\nYes.\n",
            "“Do you sell my email address? Never.”",
        ),
        (
            "how long does Brightloom keep invoices?",
            "# Privacy\n\n| Data | Kept for | Legal basis |\n|---|---|---|\n| Invoices | ten years | tax law |\n",
            "Data: Invoices | Kept for: ten years | Legal basis: tax law",
        ),
        (
            "does Brightloom share my contact list?",
            "# Brightloom Privacy Policy\n\nWe do not share your contact list. However, carriers receive it at once.\n",
            "We do not share your contact list. However, carriers receive it at once.",
        ),
        (
            "does Brightloom sell my photos to advertisers?",
            "# Privacy Policy\n\n~~We sell your photos to advertisers.~~ We do not sell your photos to advertisers.\n",
            "“We do not sell your photos to advertisers.”",
        ),
        (
            "does Brightloom share ratings with restaurants?",
            "We keep bills.¹ We share ratings with restaurants.²\n\n¹ In Latvia: a year.\n\n² Only when you agree.\n",
            "We share ratings with restaurants.² … Only when you agree.",
        ),
    ],
    ids=["list", "nested list", "short answer", "table", "exception", "struck out", "footnote"],
)
def test_a_quote_carries_what_governs_it(
    embedder: Embedder, tmp_path: Path, question: str, policy: str, quoted: str
) -> None:
    answer = asked(tmp_path, embedder, question, {"brightloom.md": policy})
    assert answer.outcome in (Outcome.ANSWERED, Outcome.UNCLEAR)
    assert quoted in answer.text


def test_a_special_policy_does_not_hide_the_main_one(embedder: Embedder, tmp_path: Path) -> None:
    versions = (
        ("main.md", "2021-01-01", "Privacy Policy", "We keep voice recordings for ten days."),
        ("kids.md", "2024-01-01", "Privacy Notice for Children", "Children draw without an account."),
        ("jobs.md", "2024-02-01", "Applicant Privacy Notice", "We read your letter of application."),
    )
    files = {
        name: HEADER.format("Brightloom privacy policy", day) + f"# Brightloom {title}\n\n{text}\n"
        for name, day, title, text in versions
    }
    answer = asked(tmp_path, embedder, "how long does Brightloom keep voice recordings?", files)
    assert "ten days" in answer.text


@pytest.mark.parametrize(("as_of", "said"), [(None, "six days"), (date(2020, 5, 1), "ten days")])
def test_versions_that_state_their_day_replace_each_other(
    embedder: Embedder, tmp_path: Path, as_of: date | None, said: str
) -> None:
    files = {
        name: f"# Brightloom Privacy Policy\n\n{day}\n\nWe keep voice recordings for {days} days after a call.\n"
        for name, day, days in (
            ("a.md", "Last updated: 2 January 2020", "ten"),
            ("b.md", "Effective June 3, 2023", "six"),
        )
    }
    answer = asked(tmp_path, embedder, "how long does Brightloom keep voice recordings?", files, as_of=as_of)
    assert said in answer.text
    assert len([hit for hit in answer.hits if hit.evidence]) == 1


def test_a_day_before_the_first_version_is_told_with_the_first(embedder: Embedder, tmp_path: Path) -> None:
    text = HEADER.format("Brightloom privacy policy", "2020-03-04") + "We keep voice recordings for ten days.\n"
    question = "how long does Brightloom keep voice recordings?"
    answer = asked(tmp_path, embedder, question, {"a.md": text}, as_of=date(2019, 1, 1))
    assert (answer.outcome, answer.hits, "2020-03-04" in answer.text) == (Outcome.NO_VERSION, (), True)


@pytest.mark.parametrize(
    ("policy", "language"),
    [
        ("# Datenschutzerklärung\n\nWir speichern Sprachaufnahmen zehn Tage lang und löschen sie dann.\n", "German"),
        ("# Politique de confidentialité\n\nNous conservons les enregistrements vocaux pendant dix jours.\n", "French"),
    ],
)
def test_a_policy_in_another_language_is_told_so(
    embedder: Embedder, tmp_path: Path, policy: str, language: str
) -> None:
    answer = asked(tmp_path, embedder, "does Brightloom sell my data?", {"Brightloom/Privacy Policy.md": policy})
    assert (answer.outcome, answer.hits, language in answer.text) == (Outcome.UNSUPPORTED_LANGUAGE, (), True)


def test_two_undated_versions_answer_marked_as_undated(embedder: Embedder, tmp_path: Path) -> None:
    files = {
        f"{name}.md": f"# Brightloom Privacy Policy\n\nWe keep voice recordings for {name} days after a call.\n"
        for name in ("ten", "six")
    }
    answer = asked(tmp_path, embedder, "how long does Brightloom keep voice recordings?", files)
    assert answer.text.endswith("Brightloom Privacy Policy, undated")


def test_no_item_of_the_samples_is_quoted_without_its_lead_ins(assistant: Assistant) -> None:
    questions = (
        "what do they collect?",
        "whom do they share data with?",
        "what rights do I have?",
        "what is prohibited?",
    )
    for company in assistant.index.companies:
        for question in questions:
            for hit in assistant.ask(question, companies=[company], k=20).hits:
                leads = [hit.policy.text[start:end] for start, end in hit.passage.lead_ins]
                if hit.evidence and leads:
                    assert all(word in hit.quotation.text for lead in leads for word in lead.split() if word.isalpha())
