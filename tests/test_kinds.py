"""Which document a file is: its type and its scope, from name, header, title and words."""

import pytest

from index.parsing.document import Document
from index.parsing.parse import parse
from index.policies.kinds import DocumentType, document_type

HEADER = (
    "> *The following text is extracted and transformed from the {} that was archived on 2015-03-20. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)
BODY = "\n\nWe keep voice recordings for ten days.\n"


def document(text: str) -> Document:
    return parse(text.encode(), path="a.md")


def titled(title: str) -> DocumentType:
    return document_type(document(f"# {title}{BODY}"), path="folder/0001.md")


@pytest.mark.parametrize(
    "title",
    [
        "Privacy Policy",
        "Tallgrass Privacy Notice",
        "Privacy Statement",
        "Data Protection Notice",
        "Our Privacy Policy",
        "Website Privacy Policy",
        "Global Privacy Policy",
        "Updated Privacy Policy 2024",
        "Privacy & Cookies Policy",
        "Website and Mobile App Privacy Policy",
        "PRIVACY POLICY | Tallgrass",
        "privacy policy | migme",
        "Terms of Use and Privacy Policy",
        "Privacy Policy and Your California Privacy Rights",
        "USA.gov privacy and security policies",
        "Datenschutzerklärung",
        "Hinweise zum Datenschutz",
        "Datenschutzhinweise der Tallgrass GmbH",
        "Politique de confidentialité",
        "Protection des données personnelles",
        "Política de privacidad",
        "Aviso de privacidad",
        "Informativa sulla privacy",
        "Privacybeleid",
        "Privacyverklaring",
        "Política de Privacidade",
        "Polityka prywatności",
        "プライバシーポリシー",
    ],
)
def test_wordings_of_a_privacy_policy_for_everybody_are_one_type(title: str):
    assert titled(title) == DocumentType("Privacy Policy")


@pytest.mark.parametrize(
    ("title", "scope"),
    [
        ("Tallgrass Consumer Health Data Privacy Notice", "health data"),
        ("Tallgrass Biometric Privacy Policy", "biometric data"),
        ("Tallgrass EU-US Privacy Shield Notice", "transfers"),
        ("Data Privacy Framework Statement", "transfers"),
        ("Children's Privacy Policy", "children"),
        ("Privacy Notice for Kids", "children"),
        ("California Privacy Notice", "california"),
        ("Privacy Policy – California Residents", "california"),
        ("Privacy Notice (EEA and UK)", "europe"),
        ("U.S. Consumer Privacy Statement", "united states"),
        ("Brazil Privacy Notice", "brazil"),
        ("Job Applicant Privacy Notice", "applicants"),
        ("Employee Privacy Notice", "employees"),
        ("California Employee Privacy Notice", "employees california"),
        ("Privacy Notice for Business Customers", "business customers"),
        ("Mobile App Privacy Policy", "app"),
        ("Smart TV Privacy Notice", "device"),
        ("Threads Supplemental Privacy Policy", "supplement"),
        ("Datenschutzhinweise für Bewerber", "applicants"),
        ("Politique de confidentialité pour les enfants", "children"),
    ],
)
def test_a_privacy_policy_for_somebody_or_something_has_a_scope(title: str, scope: str):
    assert titled(title) == DocumentType("Privacy Policy", scope)


@pytest.mark.parametrize(
    ("title", "type_"),
    [
        ("Cookie Policy", "Trackers Policy"),
        ("Cookie-Richtlinie", "Trackers Policy"),
        ("Politique relative aux cookies", "Trackers Policy"),
        ("Tallgrass Ads, Cookies & Tracking Technologies Policy", "Trackers Policy"),
        ("Terms & Conditions", "Terms of Service"),
        ("Allgemeine Geschäftsbedingungen", "Terms of Service"),
        ("Conditions générales d’utilisation", "Terms of Service"),
        ("Community Standards", "Community Guidelines"),
        ("Data Processing Addendum", "Data Processor Agreement"),
        ("API Terms of Use", "Developer Terms"),
        ("Guidelines for Law Enforcement", "Law Enforcement Guidelines"),
        ("Responsible Disclosure Policy", "Vulnerability Disclosure Policy"),
        ("DMCA Policy", "Copyright Claims Policy"),
        ("Acceptable Usage Policy", "Acceptable Use Policy"),
        ("Mentions légales", "Imprint"),
    ],
)
def test_other_documents_have_the_type_of_the_archive(title: str, type_: str):
    assert titled(title) == DocumentType(type_)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Pebblemail/Trackers Policy.md", DocumentType("Trackers Policy")),
        ("Pebblemail/Closed Captioning Policy.html", DocumentType("Closed Captioning Policy")),
        ("Pebblemail/Parent Organization Privacy Policy.md", DocumentType("Parent Organization Privacy Policy")),
        ("Tallgrass/Datenschutzerklärung.md", DocumentType("Privacy Policy")),
        ("Tallgrass/Consumer Health Data Privacy Notice.md", DocumentType("Privacy Policy", "health data")),
        ("Pebblemail/Privacy Policy #drivers.md", DocumentType("Privacy Policy", "drivers")),
        ("Pebblemail/Community Guidelines - Hate Speech.md", DocumentType("Community Guidelines", "hate speech")),
        ("Pebblemail/us-privacy-notice.md", DocumentType("Privacy Policy", "united states")),
    ],
)
def test_a_file_that_is_named_as_a_document_is_that_document(path: str, expected: DocumentType):
    assert document_type(document(f"# Legal{BODY}"), path=path) == expected


def test_a_name_as_in_an_archive_outlasts_what_titles_say():
    titles = (
        "Privacy Policy",
        "Global Privacy Notice for Drivers",
        "Privacy Notice for Drivers in Ireland",
        "Categories",
    )
    kinds = {document_type(document(f"# {title}{BODY}"), path="Bolt Drivers/Privacy Policy.md") for title in titles}
    assert kinds == {DocumentType("Privacy Policy")}


def test_a_file_name_with_a_company_in_it_counts_where_the_title_says_nothing():
    assert document_type(document(f"# Legal{BODY}"), path="acme_cookie_policy.md") == DocumentType("Trackers Policy")
    assert document_type(document(f"# Cookie Notice{BODY}"), path="acme.md") == DocumentType("Trackers Policy")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Tallgrass cookie notice", "Trackers Policy"),
        ("Calderon acceptable use policy", "Acceptable Use Policy"),
        ("Calderon terms of service", "Terms of Service"),
        ("Calderon privacy statement", "Privacy Policy"),
    ],
)
def test_the_header_line_names_the_type(said: str, expected: str):
    assert document_type(document(HEADER.format(said) + BODY), path="d/0001.md") == DocumentType(expected)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Tallgrass Biometric Privacy Policy", DocumentType("Privacy Policy", "biometric data")),
        ("Tallgrass Cookie Policy", DocumentType("Trackers Policy")),
        ("Tallgrass", DocumentType("Privacy Policy")),
    ],
)
def test_a_title_is_more_exact_than_a_header_line_that_says_privacy_policy(title: str, expected: DocumentType):
    text = HEADER.format("Tallgrass privacy policy") + f"# {title}{BODY}"
    assert document_type(document(text), path="d/0001.md") == expected


def test_the_name_of_the_company_is_no_scope():
    text = HEADER.format("Kids & Cars privacy policy") + f"# Kids & Cars Privacy Policy{BODY}"
    assert document_type(document(text), path="0001.md") == DocumentType("Privacy Policy")


def test_a_section_or_a_menu_gives_no_scope_and_no_type():
    text = f"# Tallgrass\n\n## California Privacy Notice{BODY}"
    assert document_type(document(text), path="0001.md") == DocumentType("Privacy Policy")
    menu = f"Terms of Service Privacy Policy Cookie Policy Code of Conduct\n\n# Cookie Policy{BODY}"
    assert document_type(document(menu), path="0001.md") == DocumentType("Trackers Policy")


def test_a_document_without_a_title_is_what_it_calls_itself():
    text = "You accept these Terms of Service when you sign up. Our Privacy Policy and our Cookie Policy are apart."
    assert document_type(document(text), path="0001.md") == DocumentType("Terms of Service")
    assert document_type(document(BODY), path="0001.md") == DocumentType("Privacy Policy")
