"""Whose a policy is: which sign decides, what is no name, who never owns one, what a company is also called."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from index.parsing.document import Document, Metadata
from index.parsing.parse import parse
from index.policies.attribution import attributed, reasons
from index.policies.claims import Claim, Reason, claim_of
from index.policies.companies import Company, Related
from index.policies.titles import titles_of
from index.sources.folder import corrections, survey

HEADER = (
    "> *The following text is extracted and transformed from the {} that was archived on 2015-03-20. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)
NO_METADATA = Metadata()
REPRESENTATIVE = (
    "\n## Contact\n\nWrite to us at any time.\n\nOur representative in the European Union is:\n\n"
    "Keelhaven Privacy Services GmbH\nHafenstrasse 12, 20457 Hamburg, Germany\n\n"
    "Our representative in the United Kingdom is Keelhaven UK Ltd., 1 Dock Road, London E1 4AA.\n"
)


def _read(text: str, path: str, metadata: Metadata) -> Document:
    document = parse(text.encode(), path=path)
    return document if metadata == NO_METADATA else replace(document, metadata=metadata)


def owners(files: dict[str, str], metadata: Metadata = NO_METADATA) -> tuple[dict[str, str], list[Company]]:
    """The company's name of each path, and the companies."""
    claims = [claim_of(_read(text, path, metadata), path=path) for path, text in files.items()]
    ids, companies = attributed(claims, list(files))
    names = {company.id: company.name for company in companies}
    return {path: names[owner] for path, owner in zip(files, ids, strict=True)}, companies


def owner(text: str, path: str = "d1/0001.md", metadata: Metadata = NO_METADATA) -> str:
    return owners({path: text}, metadata)[0][path]


def only(text: str, path: str = "d1/0001.md") -> Company:
    (company,) = owners({path: text})[1]
    return company


# The service's folder.


@pytest.mark.parametrize(
    "name",
    [
        "Privacy Policy.md",
        "Privacy Policy #US.md",
        "Vulnerability Disclosure Policy.md",
        "Community Guidelines - Spam.md",
        "Parent Organization Privacy Policy.md",
        "Single Sign-On Policy.pdf",
        "Datenschutzerklärung.md",
        "Politique de confidentialité.html",
        "Imprint.md",
        "privacy.md",
        "cookie-policy.html",
        "プライバシーポリシー.md",
    ],
)
def test_a_file_called_by_its_document_type_is_its_folders(name: str):
    title = Path(name).stem
    assert owner(f"# {title}\n\nWelcome. We keep voice notes for ten days.\n", path=f"Quillmere/{name}") == "Quillmere"


@pytest.mark.parametrize(
    "path", ["/home/jo/Quillmere/Privacy Policy.md", "a/Quillmere/en/2024-05-01/Privacy Policy.md"]
)
def test_an_absolute_path_and_folders_of_languages_and_dates_lead_to_the_service(path: str):
    assert owner("# Privacy Policy\n\nWe keep it.\n", path=path) == "Quillmere"


@pytest.mark.parametrize(
    "title",
    [
        "Welcome to our Privacy Policy",
        "Privacy statement for customer accounts",
        "Privacy and Legal",
        "EEA+ Privacy Notice",
        "Privacy Policy and Terms of Use",
        "Information for Applicants - Privacy Notice",
    ],
)
def test_rests_of_titles_are_no_companies(title: str):
    company = only(f"# {title}\n\nWe keep chat logs for 5 days.\n", path="Brindle/Privacy Policy.md")
    assert company == Company("brindle", "Brindle", (), ())


@pytest.mark.parametrize(
    "name", ["X", "VR", "3M", "C&A", "O'Hara", "Ben & Jerry's", "Yahoo!", "Disney+", "Guess?", "hi5"]
)
def test_names_in_folders_keep_their_form(name: str):
    files = {
        f"archive/{folder}/Privacy Policy.md": "# Privacy Policy\n\nWe keep it.\n" for folder in ("Zed", "Moor", name)
    }
    assert owners(files)[0][f"archive/{name}/Privacy Policy.md"] == ("Hi5" if name == "hi5" else name)


@pytest.mark.parametrize("name", ["X", "VR", "3M", "C&A", "O'Hara", "Levi's", "Yahoo!", "Guess?", "微信", "Яндекс"])
def test_names_in_headers_keep_their_form(name: str):
    text = HEADER.format(f"{name} privacy policy") + "# Privacy Policy\n\nWe keep it.\n"
    assert owner(text) == name


def test_a_frozen_folder_keeps_its_file_when_the_title_names_a_company_with_files_of_its_own():
    files = {
        "archive/Chirp/Privacy Policy.md": "# Q Privacy Policy\n\nWe keep your records for 12 months.\n",
        "archive/Q/Privacy Policy.md": "# Q Privacy Policy\n\nWe keep your records for 18 months.\n",
    }
    names, companies = owners(files)
    assert list(names.values()) == ["Chirp", "Q"]
    assert [company.aliases for company in companies] == [(), ()]


@pytest.mark.parametrize("folder", ["downloads", "policies", "d1", "data", "test_files_0"])
def test_a_general_folder_owns_no_file_that_names_its_company(folder: str):
    text = "# Brindle Privacy Policy\n\nBrindle keeps chat logs for 5 days. At Brindle, we never sell them.\n"
    assert owner(text, path=f"{folder}/privacy.md") == "Brindle"


def test_a_folder_of_files_that_name_different_companies_is_no_service():
    files = {
        f"Collected/Privacy Policy ({place}).md": f"# {name} Privacy Policy\n\n{name} keeps it. At {name}, we care.\n"
        for place, name in enumerate(["Brindle", "Quillmere", "Oakly"])
    }
    assert list(owners(files)[0].values()) == ["Brindle", "Quillmere", "Oakly"]


def test_one_service_in_three_languages_is_one_company():
    files = {
        "Tarn/Datenschutzerklärung.md": "# Datenschutzerklärung\n\nWir speichern Sprachaufnahmen zehn Tage lang.\n",
        "Tarn/Politique de confidentialité.md": "# Politique de confidentialité\n\nNous conservons tout dix jours.\n",
        "Tarn/Privacy Policy.md": "# Privacy Policy\n\nWe keep voice recordings for ten days.\n",
    }
    assert owners(files)[1] == [Company("tarn", "Tarn", (), ())]


def test_the_same_text_in_two_folders_is_two_companies():
    text = "# Privacy Policy\n\nWe keep voice recordings for ten days. We share data with our sister brands.\n"
    assert list(owners({f"{name}/Privacy Policy.md": text for name in ("Fernly", "Oakly")})[0].values()) == [
        "Fernly",
        "Oakly",
    ]


# The order of the signs.


def test_front_matter_goes_before_the_folder_and_the_folder_before_the_header():
    header = HEADER.format("Brindle privacy policy") + "We keep it.\n"
    path = "Quillmere/Privacy Policy.md"
    assert owner("We keep it.\n", path=path, metadata=Metadata(company="Oakly", company_is_given=True)) == "Oakly"
    assert owner(header, path=path, metadata=Metadata(company="Brindle")) == "Quillmere"


@pytest.mark.parametrize("kind", ["cookie notice", "acceptable use policy", "Terms of Service", "privacy policy"])
def test_a_header_line_names_the_company_of_any_document(kind: str):
    assert owner(HEADER.format(f"Tall Grass {kind}") + "Our cookies last for ten days.\n") == "Tall Grass"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Brindle Communications Privacy Policy", "Brindle Communications"),
        ("Privacy Policy | brindle", "brindle"),
        ("Welcome to Brindle's Privacy Center", "Brindle"),
        ("Brindle European Regional Privacy Notice", "Brindle"),
        ("Datenschutzerklärung der Brindle", "Brindle"),
        ("Privacy policy, Brindle service", "Brindle"),
        ("1. Brindle Cookie Notice (2024)", "Brindle"),
        ("小红书 Privacy Policy", "小红书"),
    ],
)
def test_a_title_without_the_words_of_its_kind_is_the_name(title: str, name: str):
    assert owner(f"# {title}\n\nWe keep it for a year.\n") == name


def test_the_sites_name_counts_when_the_title_has_none():
    assert owner("Privacy Policy\n\nWe keep it.\n", metadata=Metadata(site_name="Brindle")) == "Brindle"
    address = Metadata(address="https://www.brindle.example/privacy")
    assert owner("Privacy Policy\n\nOaks are trees. Tell Brindle about it.\n", metadata=address) == "Brindle"


@pytest.mark.parametrize(
    "text",
    [
        "O'Hara Media, Inc. (“O'Hara”, “we” or “us”) runs this site. O'Hara keeps reading histories.\n",
        "At O'Hara, we care. O'Hara collects little. Mail privacy@ohara.example.\n",
        "We use Stripe and Google. O'Hara may keep your address. O'Hara's service is free.\n",
    ],
)
def test_the_texts_own_words_name_its_party(text: str):
    assert "O'Hara" in only(f"# Privacy policy\n\n{text}").names


@pytest.mark.parametrize("name", ["0001.md", "fernmeet.md"])
def test_the_files_name_comes_last(name: str):
    assert owner("we keep it for a year, and then remove it.\n", path=f"d1/{name}") == (
        "0001" if name[0] == "0" else "Fernmeet"
    )


def test_each_sign_is_told():
    files = {
        "Quillmere/Privacy Policy.md": "# Privacy Policy\n\nWe keep it.\n",
        "d1/1.md": HEADER.format("Brindle privacy policy") + "We keep it.\n",
        "d1/2.md": "# Oakly Privacy Policy\n\nWe keep it.\n",
        "d1/fernly.md": "we keep it.\n",
    }
    claims = [claim_of(_read(text, path, NO_METADATA), path=path) for path, text in files.items()]
    assert reasons(claims, list(files)) == [Reason.FOLDER, Reason.HEADER, Reason.TITLE, Reason.FILE_NAME]


# Who never owns a policy.


def test_a_representative_of_two_services_owns_neither():
    text = "# Privacy Policy\n\nThis policy explains how {} treats member data.\n\nYour profile is shown to others.\n"
    files = {f"d1/{name.lower()}.md": text.format(name) + REPRESENTATIVE for name in ("Fernmeet", "Skylinkr")}
    names, companies = owners(files)
    assert list(names.values()) == ["Fernmeet", "Skylinkr"]
    assert not any("Keelhaven" in name for company in companies for name in company.names)


@pytest.mark.parametrize(
    "sentence",
    [
        "Our data protection officer is Gatehouse Compliance Ltd., 4 Quay Street, Dublin.",
        "Our EU representative under Article 27 is Gatehouse Compliance Ltd.",
        "Our hosting is provided by Gatehouse Compliance Ltd.",
        "Payments are operated by Gatehouse Compliance Ltd.",
    ],
)
def test_those_who_work_for_a_company_are_no_names_of_it(sentence: str):
    text = f"# Privacy Policy\n\nBrindle collects little. At Brindle, we keep it for a year.\n\n{sentence}\n"
    company = only(text)
    assert company.name == "Brindle"
    assert not any("Gatehouse" in name for name in company.names)


def test_a_parent_that_is_in_the_index_keeps_its_name():
    files = {
        "a/Bigriver/Privacy Policy.md": "Bigriver.com Privacy Notice\n===\n\nWe keep it for 7 years.\n",
        "a/Streamloft/Privacy Policy.md": "**Streamloft.tv Privacy Notice**\n===\n\nStreamloft Games Inc. and its "
        'affiliates are subsidiaries of Bigriver.com, Inc. (together "we", "us" and "our").\n',
    }
    names, companies = owners(files)
    assert list(names.values()) == ["Bigriver", "Streamloft"]
    streamloft = companies[1]
    assert not any("bigriver" in name.lower() for name in streamloft.names)
    assert Related("Bigriver.com", "parent") in streamloft.related


# What a company is also called.


@pytest.mark.parametrize(
    ("sentence", "kind", "names"),
    [
        ("Brindle, Inc. (formerly Chirpnest, Inc.) runs the Brindle app.", "former", {"Chirpnest"}),
        ("Chirpnest is now called Brindle.", "former", {"Chirpnest"}),
        ("Brindle (previously known as “Chirpnest”) keeps it.", "former", {"Chirpnest"}),
        (
            "This policy applies to Pebblemail, Fernphotos and Tidalnotes.",
            "covered",
            {"Pebblemail", "Fernphotos", "Tidalnotes"},
        ),
        ("We run Brindle products, such as Pebblemail and Fernphotos.", "covered", set()),
        ("You may use our services, including Pebblemail and Fernphotos.", "covered", {"Pebblemail", "Fernphotos"}),
        ("Ozone Works, Inc. d/b/a Brindle keeps it. Brindle is doing business as Chirpnest.", "brand", {"Chirpnest"}),
    ],
)
def test_former_names_brands_and_covered_services_mean_the_company(sentence: str, kind: str, names: set[str]):
    company = only(f"# Brindle Privacy Policy\n\n{sentence}\n")
    assert names <= {entry.name for entry in company.related if entry.kind == kind}
    assert names <= set(company.names)


@pytest.mark.parametrize(
    "sentence",
    [
        "We share it with Fathom (formerly Chirpnest).",
        "This policy applies to the Services, Websites and Personal Information.",
        "We use our service providers, such as Chirpnest.",
    ],
)
def test_other_parties_and_words_that_all_policies_write_are_no_names(sentence: str):
    assert only(f"# Brindle Privacy Policy\n\n{sentence}\n").names == ("Brindle",)


PARTIES = ("Orvento", "Keelhaven", "Brightloom", "Tarnwick", "Velmora", "Quillstead", "Harrowgate")


def _of(parties: tuple[str, ...]) -> Company:
    clauses = "".join(
        f"{name} may end your account. You may not sell what {name} gives you. {name} collects what you send it.\n\n"
        for name in parties
        for _ in range(3)
    )
    return only(f"# Terms of Service\n\n{clauses}", "terms.md")


@pytest.mark.parametrize(
    ("words", "no_name"),
    [
        ("We obey the Children’s Online Privacy Protection Act (COPPA). COPPA protects children.", "COPPA"),
        ("PIPEDA (the Personal Information Protection and Electronic Documents Act) holds. PIPEDA says so.", "PIPEDA"),
        ("We keep personally identifiable information (“PII”) apart. PII is what tells who you are.", "PII"),
        ("| Why we share | Do we? |\n| --- | --- |\n| To sell | Yes |\n| To lend | Yes |\n| To bill | Yes |", "Yes"),
    ],
)
def test_short_forms_of_laws_and_of_words_and_short_answers_are_no_names(words: str, no_name: str):
    found = only(f"# Privacy Policy\n\nThis tells how we use data.\n\n{words}\n", "tarnwick.md")
    assert no_name not in (found.name, *found.aliases)


def test_a_short_form_of_a_companys_name_is_its_name():
    found = only("# Privacy Policy\n\nPrivate Internet Access, Inc. (“PIA”, “we”) runs a VPN. PIA keeps no logs.\n")
    assert {"PIA", "Private Internet Access"} <= {found.name, *found.aliases}


@pytest.mark.parametrize("word", ["Glossary", "Science", "Japan", "Badge"])
def test_a_word_of_the_language_that_a_text_writes_now_and_then_is_no_other_name(word: str):
    party = "Velmora collects what you write to it. You may use Velmora alone. " * 8
    found = only(f"# Velmora Privacy Policy\n\n{party}\n\n" + f"You may read {word} there. {word} collects it. " * 3)
    assert found.name == "Velmora"
    assert word not in found.aliases


def test_a_word_of_the_language_that_a_text_writes_again_and_again_is_another_name():
    text = "Fernmeet Ltd. (“we”) runs it. " + "Steam collects what you write to it. You may use Steam alone. " * 9
    found = only(f"# Privacy Policy\n\n{text}\n")
    assert {"Fernmeet", "Steam"} <= {found.name, *found.aliases}


def test_what_the_party_is_called_by_its_part_is_no_name():
    found = only("# Privacy Policy\n\nVelmora, Inc. (“we”, “Data Controller”, “Velmora”) keeps what Velmora gets.\n")
    assert (found.name, "Data Controller" in found.aliases) == ("Velmora", False)


@pytest.mark.parametrize("kind", ["md", "html"])
def test_a_tables_rows_are_no_titles(kind: str):
    rows = [("Kind of data", "Kept for", "Legal basis"), ("Searches", "13 months", "Legal obligation policy")]
    if kind == "md":
        head, row = ("| " + " | ".join(cells) + " |\n" for cells in rows)
        table = f"{head}| --- | --- | --- |\n{row}"
        data = f"# Privacy Notice\n\n{table}\nOrvento collects it. We at Orvento sell nothing. Orvento keeps it.\n"
    else:
        table = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows)
        prose = "<p>Orvento collects it. We at Orvento sell nothing. Orvento keeps it.</p>"
        data = f"<!doctype html><title>Privacy Notice</title><h1>Privacy Notice</h1><table>{table}</table>{prose}"
    document = parse(data.encode(), path=f"0001.{kind}")
    assert not any(cell in title for title in titles_of(document) for cells in rows for cell in cells)
    assert claim_of(document, path=f"d1/0001.{kind}").name == "Orvento"


def test_the_parties_of_a_text_of_many_are_no_other_names_of_one():
    mixed = _of(PARTIES)
    assert not set(PARTIES) & set(mixed.aliases), mixed
    assert _of(PARTIES[:1]).name == PARTIES[0]


def test_a_covered_service_with_files_of_its_own_is_its_own():
    files = {
        "d1/1.md": "# Northwind Privacy Policy\n\nThis policy applies to Pebblemail and Fernphotos.\n",
        "d1/2.md": "# Fernphotos Privacy Policy\n\nWe keep it.\n",
    }
    _, companies = owners(files)
    assert {company.name: company.aliases for company in companies} == {"Northwind": ("Pebblemail",), "Fernphotos": ()}


def test_names_that_begin_alike_stay_companies_of_their_own():
    names = [
        "Acme",
        "Acme Music",
        "Acme Web Services",
        "Bank of the West",
        "Bank of the East",
        "Royal Bank",
        "Royal Mail",
    ]
    files = {
        f"d1/{place}.md": HEADER.format(f"{name} privacy policy") + "We keep it.\n" for place, name in enumerate(names)
    }
    found, companies = owners(files)
    assert list(found.values()) == names
    assert all(company.aliases == () for company in companies)


def test_a_look_alike_is_no_alias():
    company = only(HEADER.format("Meyer & Söhne GmbH privacy policy") + "We keep it.\n")
    assert not {"Meyer & Töchter GmbH", "Meyer", "Meyer and Sons"} & set(company.names)


def test_an_id_does_not_depend_on_other_files():
    text = "# Brindle Privacy Policy\n\nBrindle keeps it.\n"
    alone = only(text).id
    together, _ = owners({"d1/0001.md": text, "d1/0002.md": "# Oakly Privacy Policy\n\nOakly keeps it.\n"})
    assert (alone, together["d1/0001.md"]) == ("brindle", "Brindle")


def test_a_claim_comes_back_from_json():
    text = "# Brindle Privacy Policy\n\nBrindle, Inc. (formerly Chirpnest, Inc.) keeps it.\n"
    claim = claim_of(Document(text, ()), path="Quillmere/Privacy Policy.md")
    assert Claim.from_json(json.loads(json.dumps(claim.as_json()))) == claim


# As `index build` reads them.


def built(*paths: Path) -> list[str]:
    """The company ids of the policies at `paths`, as a build finds them."""
    files, refused = survey(list(paths), known={}, known_at_ns=0, progress=lambda *_: None)
    assert refused == []
    found, _ = attributed(
        [file.claim for file in files], [file.real_path for file in files], corrections=corrections(paths)
    )
    return found


def archive(folder: Path) -> Path:
    for name in ("Fernmeet", "Skylinkr"):
        (folder / name).mkdir()
        (folder / name / "Privacy Policy.md").write_text("# Privacy Policy\n\nWe keep it.\n" + REPRESENTATIVE)
    return folder


def test_a_single_file_a_service_folder_and_the_archive_give_the_same_owner(tmp_path: Path):
    folder = archive(tmp_path)
    file = folder / "Skylinkr" / "Privacy Policy.md"
    assert (built(file), built(folder / "Skylinkr"), built(folder)) == (
        ["skylinkr"],
        ["skylinkr"],
        ["fernmeet", "skylinkr"],
    )


def test_companies_toml_goes_before_everything(tmp_path: Path):
    (archive(tmp_path) / "companies.toml").write_text(
        '["sky.example"]\nname = "Sky"\nfiles = ["Skylinkr/Privacy Policy.md"]\n'
    )
    assert built(tmp_path) == ["fernmeet", "sky.example"]
