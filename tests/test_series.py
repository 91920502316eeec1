"""Versions of one policy: which is in force on a day, what they are called, and what no day tells apart."""

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from index.build import build
from index.language.detect import language_of
from index.parsing.parse import parse
from index.policies.kinds import document_type
from index.policies.series import day_of, first_day, in_force, policy_ids, twins, undated_twins
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from tests.conftest import SAMPLE
from tests.tiny import TinyEmbedder

HEADER = (
    "> *The following text is extracted and transformed from the {} privacy policy that was archived on {}. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)
TEN_DAYS = "We keep voice recordings for ten days, and then we delete them for good."
TEN_YEARS = "We keep voice recordings for ten years, and then we delete them for good."

MAIN = Policy("", "tallgrass", "Tallgrass Privacy Policy", date(2022, 3, 1), None, "", 0, "main.md")
NEWER = replace(MAIN, archived_on=date(2024, 3, 1), path="newer.md")
STATED = replace(MAIN, archived_on=None, effective_on=date(2023, 12, 3), path="stated.md")
UNDATED = replace(MAIN, archived_on=None, path="undated.md")
HEALTH = replace(NEWER, title="Tallgrass Consumer Health Data Privacy Notice", scope="health data", path="health.md")
COOKIES = replace(NEWER, title="Cookie Policy", type="Trackers Policy", path="cookies.md")
GERMAN = replace(NEWER, title="Datenschutzerklärung", language="de", path="german.md")
CALDERON = replace(NEWER, company_id="calderon", title="Calderon Privacy Policy", path="calderon.md")


def paths(policies: list[Policy]) -> list[str]:
    return [policy.path for policy in policies]


@pytest.mark.parametrize("other", [HEALTH, COOKIES, GERMAN, CALDERON], ids=lambda policy: policy.path)
def test_a_newer_document_of_another_series_replaces_nothing(other: Policy):
    assert sorted(paths(in_force([MAIN, other], None))) == sorted([MAIN.path, other.path])


def test_a_newer_version_of_a_series_replaces_the_older_in_any_order():
    assert in_force([MAIN, NEWER], None) == in_force([NEWER, MAIN], None) == [NEWER]


def test_on_a_day_the_newest_version_up_to_it_holds():
    versions = [NEWER, STATED, MAIN]
    days = (
        date(2022, 2, 28),
        date(2022, 3, 1),
        date(2023, 12, 2),
        date(2023, 12, 3),
        date(2024, 2, 29),
        date(2030, 1, 1),
    )
    held = [paths(in_force(versions, day)) for day in days]
    assert held == [[], ["main.md"], ["main.md"], ["stated.md"], ["stated.md"], ["newer.md"]]


def test_a_version_is_as_old_as_its_record_and_else_as_it_states():
    assert day_of(replace(STATED, archived_on=date(2024, 1, 1))) == date(2024, 1, 1)
    assert [day_of(STATED), day_of(UNDATED)] == [date(2023, 12, 3), None]


def test_of_versions_of_one_day_the_last_of_a_history_holds_and_else_all():
    first, last = replace(MAIN, order=7), replace(MAIN, order=8, path="last.md")
    assert in_force([last, first], None) == [last]
    again = replace(MAIN, path="again.md")
    assert in_force([MAIN, again], None) == [MAIN, again]
    assert twins([MAIN, again, NEWER, last]) == [MAIN, again]


def test_an_undated_version_holds_behind_the_dated_one():
    assert paths(in_force([UNDATED, MAIN, NEWER], None)) == ["newer.md", "undated.md"]
    assert paths(in_force([UNDATED, MAIN], date(2015, 1, 1))) == ["undated.md"]


def test_versions_that_no_day_tells_apart_are_told():
    twin = replace(UNDATED, path="twin.md")
    assert paths(undated_twins([UNDATED, twin, HEALTH])) == ["undated.md", "twin.md"]
    assert paths(undated_twins([UNDATED, MAIN])) == ["undated.md"]
    assert undated_twins([MAIN, NEWER, STATED, replace(UNDATED, scope="children")]) == []


def test_the_first_day_is_the_earliest_that_any_version_has():
    assert first_day([UNDATED, NEWER, STATED]) == date(2023, 12, 3)
    assert first_day([UNDATED]) is None
    assert first_day([]) is None


def test_an_id_is_the_same_whatever_else_there_is_and_in_any_order():
    policies = [MAIN, NEWER, STATED, UNDATED, HEALTH, COOKIES, GERMAN, CALDERON]
    policies.append(replace(UNDATED, title="Legal", type="Terms of Service", path="terms.md"))
    policies.append(replace(UNDATED, title="Legal", path="privacy.md"))
    policies.append(replace(MAIN, scope="drivers", path="drivers.md"))
    hashes = [f"{number:032x}" for number in range(len(policies))]
    ids = dict(zip(paths(policies), policy_ids(policies, hashes), strict=True))
    assert len(set(ids.values())) == len(policies)
    for policy in policies:
        assert policy_ids([policy], ["f" * 32]) == [ids[policy.path]]
    shuffled = random.Random(5).sample(policies, len(policies))
    assert policy_ids(shuffled, ["a" * 32] * len(policies)) == [ids[policy.path] for policy in shuffled]


def test_two_texts_of_one_title_and_day_are_told_apart_by_themselves():
    ids = policy_ids([UNDATED, UNDATED, UNDATED], ["a" * 32, "b" * 32, "a" * 32])
    assert ids == [
        "tallgrass--tallgrass-privacy-policy--undated--aaaaaaaa",
        "tallgrass--tallgrass-privacy-policy--undated--bbbbbbbb",
        "tallgrass--tallgrass-privacy-policy--undated--aaaaaaaa",
    ]
    assert policy_ids([UNDATED] * 3, ["b" * 32, "a" * 32, "a" * 32]) == [ids[1], ids[0], ids[0]]


def test_the_samples_keep_their_ids(tmp_path: Path):
    build([SAMPLE], tmp_path / "index", embedder=TinyEmbedder())
    index = PolicyIndex.open(tmp_path / "index", embedder=TinyEmbedder())
    assert sorted(index.policies) == [
        "imgwg-communications--imgwg-communications-privacy-policy--undated",
        "jivochat.com--privacy-policy--2015-03-20",
        "mailigen.com--privacy-policy-mailigen--2011-05-30",
        "mig.me--privacy-policy-migme--2014-06-29",
        "mightycall.com--mightycall-privacy-policy--2013-05-04",
    ]


def built(folder: Path) -> PolicyIndex:
    build([folder], folder.parent / "index", embedder=TinyEmbedder())
    return PolicyIndex.open(folder.parent / "index", embedder=TinyEmbedder())


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    "title",
    [
        "Tallgrass Biometric Privacy Policy",
        "Tallgrass Consumer Health Data Privacy Notice",
        "Tallgrass EU-US Privacy Shield Notice",
        "Tallgrass Children’s Privacy Notice",
        "Tallgrass Cookie Notice",
    ],
)
def test_a_newer_notice_for_something_hides_no_privacy_policy(title: str, tmp_path: Path):
    folder = tmp_path / "policies"
    write(folder, "main.md", f"{HEADER.format('Tallgrass', '2022-03-01')}# Tallgrass Privacy Policy\n\n{TEN_DAYS}\n")
    write(
        folder, "z.md", f"{HEADER.format('Tallgrass', '2024-06-01')}# {title}\n\nSleep scores are never sold to you.\n"
    )
    held = in_force(built(folder).policies_of("tallgrass"), None)
    assert sorted(policy.path for policy in held) == ["policies/main.md", "policies/z.md"]


@pytest.mark.parametrize("newer", ["Tallgrass Privacy Notice", "Data Protection Notice", "Our Global Privacy Policy"])
def test_a_newer_privacy_policy_of_another_wording_is_the_one_in_force(newer: str, tmp_path: Path):
    folder = tmp_path / "policies"
    write(folder, "a.md", f"{HEADER.format('Tallgrass', '2024-03-01')}# {newer}\n\n{TEN_DAYS}\n")
    write(folder, "b.md", f"{HEADER.format('Tallgrass', '2021-06-01')}# Tallgrass Privacy Policy\n\n{TEN_YEARS}\n")
    held = in_force(built(folder).policies_of("tallgrass"), None)
    assert [policy.path for policy in held] == ["policies/a.md"]


def test_versions_dated_in_their_texts_alone_replace_each_other(tmp_path: Path):
    folder = tmp_path / "policies"
    write(folder, "a.md", f"# Tallgrass Privacy Policy\n\nEffective date: 3 December 2023\n\n{TEN_DAYS}\n")
    write(folder, "b.md", f"# Tallgrass Privacy Policy\n\nLast updated: May 1, 2019\n\n{TEN_YEARS}\n")
    versions = built(folder).policies_of("tallgrass")
    assert [policy.path for policy in in_force(versions, None)] == ["policies/a.md"]
    assert [policy.path for policy in in_force(versions, date(2020, 1, 1))] == ["policies/b.md"]
    assert in_force(versions, date(2015, 1, 1)) == []
    assert first_day(versions) == date(2019, 5, 1)


def test_one_document_in_three_languages_is_three_series():
    texts = {
        "Privacy Policy": TEN_DAYS,
        "Datenschutzerklärung": "Wir speichern Sprachaufnahmen zehn Tage lang und löschen sie danach.",
        "Politique de confidentialité": "Nous conservons les enregistrements vocaux pendant dix jours.",
    }
    documents = {title: parse(f"# {title}\n\n{text}\n".encode(), path="a.md") for title, text in texts.items()}
    kinds = {document_type(document, path=f"Tallgrass/{title}.md").type for title, document in documents.items()}
    assert kinds == {"Privacy Policy"}
    assert [language_of(document) for document in documents.values()] == ["en", "de", "fr"]
