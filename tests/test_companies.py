"""Whose policy it is: ids, names, aliases and domains, found in the files themselves."""

from pathlib import Path

import pytest

from index.errors import CompaniesFileError
from index.policies.attribution import identify, read_corrections
from index.policies.companies import Company
from index.sources.files import PolicyFile, parse_policy_text, policy_paths, read_policy_file

SAMPLE = Path(__file__).parent.parent / "index" / "sample"
HEADER = (
    "> *The following text is extracted and transformed from the {} privacy policy that was archived on 2015-03-20. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)


def sample_companies() -> dict[str, Company]:
    files = [read_policy_file(path) for path in policy_paths([SAMPLE]) if isinstance(path, Path)]
    return {company.id: company for company in identify(files)[1]}


def file(text: str, *, named: str | None = None, path: str = "policies/a.md") -> PolicyFile:
    return parse_policy_text((HEADER.format(named) if named else "") + text, path=path)


def only_company(*files: PolicyFile) -> Company:
    (company,) = identify(files)[1]
    return company


def test_the_sample_policies_belong_to_five_companies():
    assert {company_id: company.name for company_id, company in sample_companies().items()} == {
        "imgwg-communications": "imgwg Communications",
        "jivochat.com": "JivoChat",
        "mailigen.com": "Mailigen",
        "mig.me": "migme",
        "mightycall.com": "MightyCall",
    }


@pytest.mark.parametrize(
    ("company_id", "alias"),
    [
        ("jivochat.com", "JivoSite, Inc."),
        ("jivochat.com", "JivoSite"),
        ("jivochat.com", "jivochat.com"),
        ("mightycall.com", "Infratel US, Inc."),
        ("mightycall.com", "Infratel"),
        ("mightycall.com", "infratel.com"),
        ("mig.me", "Project Goth, Inc."),
        ("mig.me", "Project Goth"),
        ("mig.me", "mig.me"),
        ("mailigen.com", "iMedia Ltd."),
        ("mailigen.com", "iMedia"),
    ],
)
def test_brand_legal_entity_and_domain_mean_one_company(company_id: str, alias: str):
    assert alias in sample_companies()[company_id].names


def test_a_header_without_domain_gives_a_slug():
    company = only_company(file("We keep your data for a year.\n", named="A Mighty Girl"))
    assert (company.id, company.name, company.domains) == ("a-mighty-girl", "A Mighty Girl", ())


def test_without_header_the_title_names_the_company():
    company = only_company(file("# Brightdesk Privacy Policy\n\nWe keep your data for a year.\n"))
    assert (company.id, company.name) == ("brightdesk", "Brightdesk")


def test_without_header_and_title_the_file_names_the_company():
    company = only_company(file("we keep your data for a year and then remove it.\n", path="x/acme_widgets.txt"))
    assert (company.id, company.name) == ("acme-widgets", "Acme Widgets")


def test_a_company_that_a_policy_merely_mentions_is_no_alias():
    text = (
        "We use Google Analytics, a service of Google LLC, to count visits. "
        "We share data with Facebook, Inc. partners.\n"
    )
    assert only_company(file(text, named="a.com")).aliases == ()


def test_a_name_that_two_texts_claim_is_nobodys():
    text = "This site is operated by Big Holding Ltd. (“Holding”), and “we” means that company.\n"
    _, companies = identify([file(text, named="a.com"), file(text, named="b.com")])
    assert [company.aliases for company in companies] == [(), ()]


def test_two_policies_of_one_company_share_it():
    ids, companies = identify(
        [file("We sell nothing at all.\n", named="a.com"), file("Other words here.\n", named="a.com")]
    )
    assert (ids, [company.id for company in companies]) == (["a.com", "a.com"], ["a.com"])


def test_corrections_rename_and_add(tmp_path: Path):
    (tmp_path / "companies.toml").write_text(
        '["jivochat.com"]\nname = "Jivo"\naliases = ["Jivo Chat Ltd"]\ndomains = ["jivo.ru"]\n'
    )
    corrections = read_corrections(tmp_path / "companies.toml")
    _, companies = identify([file("We are JivoChat, and keep it.\n", named="jivochat.com")], corrections=corrections)
    assert companies == [Company("jivochat.com", "Jivo", ("JivoChat", "Jivo Chat Ltd"), ("jivochat.com", "jivo.ru"))]


def test_corrections_give_files_to_a_company(tmp_path: Path):
    (tmp_path / "companies.toml").write_text('["acme.com"]\nname = "Acme"\nfiles = ["003.txt"]\n')
    corrections = read_corrections(tmp_path / "companies.toml")
    ids, companies = identify([file("some words of a policy.\n", path="x/003.txt")], corrections=corrections)
    assert (ids, companies[0].name) == (["acme.com"], "Acme")


@pytest.mark.parametrize(
    "content", ["not toml [", '["a.com"]\nalias = ["x"]\n', '["a.com"]\naliases = "x"\n', "name = 'x'\n"]
)
def test_a_wrong_companies_file_is_told_by_name(tmp_path: Path, content: str):
    (tmp_path / "companies.toml").write_text(content)
    with pytest.raises(CompaniesFileError, match=r"companies\.toml"):
        read_corrections(tmp_path / "companies.toml")


def test_names_without_latin_letters_do_not_become_one_company():
    ids, _ = identify(
        [
            file("one\n", named="Яндекс"),
            file("two\n", named="Сбербанк"),
            file("three\n", named="C++"),
            file("four\n", named="C#"),
        ]
    )
    assert len(set(ids)) == 4


def test_a_file_called_privacy_is_its_folders():
    files = [file("we keep it.\n", path="src/acme/privacy.md"), file("we sell it.\n", path="src/globex/privacy.md")]
    assert [company.name for company in identify(files)[1]] == ["Acme", "Globex"]


def test_a_supplier_is_no_alias():
    text = "Our web hosting is provided by Hetzner Online GmbH and our payments are operated by Worldpay Ltd.\n"
    assert only_company(file(text, named="acme.com")).aliases == ("acme",)
