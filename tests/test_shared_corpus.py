"""Real files in every shape: 606 policies and the benchmarks' documents, where they are at hand."""

from itertools import chain
from pathlib import Path

import pytest

from index.policies.attribution import identify
from index.policies.companies import Company
from index.policies.passages import embedded_text, passages
from index.policies.versions import Policy, of_document
from index.sources.files import PolicyFile, policy_paths, read_policy_file
from qa.question.mentions import CompanyNames


def words_as_tokens(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def files(shared: Path) -> list[PolicyFile]:
    folders = [shared / "corpus" / "policies", *sorted(shared.glob("benchmarks/*/docs"))]
    paths = chain.from_iterable(policy_paths([folder]) for folder in folders)
    return [read_policy_file(path) for path in paths if isinstance(path, Path)]


@pytest.fixture(scope="module")
def corpus(shared: Path) -> list[PolicyFile]:
    paths = policy_paths([shared / "corpus" / "policies", shared / "policies"])
    return [read_policy_file(path) for path in paths if isinstance(path, Path)]


@pytest.fixture(scope="module")
def companies(corpus: list[PolicyFile]) -> list[Company]:
    return identify(corpus)[1]


def test_every_file_reads(files: list[PolicyFile]):
    assert len(files) >= 1_100


def test_every_fifth_file_gives_exact_passages_that_the_model_can_read(files: list[PolicyFile]):
    empty = []
    for file in files[::5]:
        policy = of_document(Policy("p", "c", "t", None, None, "", 0, file.path), file.document)
        found = passages(policy, max_tokens=250, count_tokens=words_as_tokens)
        assert all(passage.text == file.text[passage.start : passage.end] for passage in found), file.path
        assert all(words_as_tokens(embedded_text(policy.text, passage)) <= 250 for passage in found), file.path
        if not found:
            empty.append(file.path)
    assert empty == []


def test_611_files_belong_to_611_companies(companies: list[Company]):
    assert len(companies) == 611


@pytest.mark.parametrize("question", ["Does {} share my data?", "what data does {} collect", "{} data retention"])
def test_every_company_is_reached_by_its_name(companies: list[Company], question: str):
    names = CompanyNames(companies, lower_case_words={})
    missed = {
        company.name: [found.id for found in names.mentions(question.format(company.name)).companies]
        for company in companies
        if [found.id for found in names.mentions(question.format(company.name)).companies] != [company.id]
    }
    # "Match data retention" may be about retention of match data, for all that is known
    assert len(missed) <= 0.005 * len(companies), missed
