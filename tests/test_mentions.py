"""Companies in questions: every way people write them, and nothing that only looks like one."""

from collections import Counter

import pytest

from index.errors import UnknownCompany
from index.policies.companies import Company
from qa.question.mentions import CompanyNames

COMPANIES = [
    Company("jivochat.com", "JivoChat", ("JivoSite, Inc.", "JivoSite"), ("jivochat.com",)),
    Company("mightycall.com", "MightyCall", ("Infratel US, Inc.", "Infratel"), ("mightycall.com", "infratel.com")),
    Company("mig.me", "migme", ("Project Goth, Inc.", "Project Goth"), ("mig.me",)),
    Company("mailigen.com", "Mailigen", ("iMedia Ltd.", "iMedia"), ("mailigen.com",)),
    Company("imgwg-communications", "imgwg Communications", (), ()),
    Company("target", "Target", (), ()),
    Company("lets-encrypt", "Let's Encrypt", (), ()),
    Company("google", "Google", ("Google LLC",), ()),
]
# Words that policies write in lower case, as many policies each: "target" is one.
WORDS = Counter(
    dict.fromkeys("target mailing data share account sell call chat keep store children partners".split(), 40)
)
NAMES = CompanyNames(COMPANIES, lower_case_words=WORDS)


def known(question: str) -> list[str]:
    return [company.id for company in NAMES.mentions(question).companies]


def unknown(question: str) -> list[str]:
    return [name.name for name in NAMES.mentions(question).unknown]


@pytest.mark.parametrize(
    ("question", "company_id"),
    [
        ("does JivoChat notify me on acquisition?", "jivochat.com"),
        ("does JIVOCHAT notify me", "jivochat.com"),
        ("jivosite's cookie policy", "jivochat.com"),
        ("What does JivoSite, Inc. do with my name?", "jivochat.com"),
        ("is https://www.jivochat.com safe", "jivochat.com"),
        ("does jivochta sell data", "jivochat.com"),
        ("Jivo privacy", "jivochat.com"),
        ("does mighty call keep my calls", "mightycall.com"),
        ("can mightycal sell my number", "mightycall.com"),
        ("Infratel retention", "mightycall.com"),
        ("how long does infratel.com keep it", "mightycall.com"),
        ("mig.me ads", "mig.me"),
        ("does Mig me track", "mig.me"),
        ("who runs Project Goth", "mig.me"),
        ("does mailgen track opens", "mailigen.com"),
        ("imgwg cookies", "imgwg-communications"),
        ("imgwg Comunications logs", "imgwg-communications"),
        ("does Target share my data", "target"),
        ("does target share my data", "target"),
        ("is Let's Encrypt free of ads", "lets-encrypt"),
    ],
)
def test_a_company_is_found_however_it_is_written(question: str, company_id: str):
    assert known(question) == [company_id]


@pytest.mark.parametrize(
    "question",
    [
        "who is the target of your ads",
        "how do I leave the mailing list",
        "does a call get stored",
        "do they share data with partners",
        "what about children in California under the CCPA",
        "I live in LA, what are my rights under GDPR?",
        "can i turn cookys off",
    ],
)
def test_ordinary_words_name_no_company(question: str):
    assert (known(question), unknown(question)) == ([], [])


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Does Facebook sell my data?", "Facebook"),
        ("does facebook sell my data", "facebook"),
        ("is my data safe at Brightdesk", "Brightdesk"),
        ("Slack's privacy policy", "Slack"),
        ("does livechat.com share data", "livechat.com"),
        ("how do I unsubscribe from MailerLite newsletters", "MailerLite"),
        ("does Jivapress keep logs", "Jivapress"),
    ],
)
def test_a_company_that_is_not_in_the_index_is_told(question: str, name: str):
    assert (known(question), unknown(question)) == ([], [name])


def test_the_nearest_names_are_those_spelt_alike():
    assert (NAMES.nearest("MailiGenius"), NAMES.nearest("Facebook")) == (("Mailigen",), ())


def test_several_companies_come_in_the_order_of_the_question():
    assert known("compare MightyCall vs migme on children") == ["mightycall.com", "mig.me"]


def test_a_known_and_an_unknown_company_are_both_told():
    assert (known("do mailigen and Facebook sell data"), unknown("do mailigen and Facebook sell data")) == (
        ["mailigen.com"],
        ["Facebook"],
    )


def test_whom_a_company_deals_with_is_not_asked_about():
    question = "does Mailigen share data with Google?"
    assert (known(question), unknown(question)) == (["mailigen.com"], [])
    assert unknown("does Mailigen share data with Facebook?") == []


def test_the_names_are_taken_out_of_what_is_searched():
    assert NAMES.mentions("does JivoChat's policy, or JivoSite's, notify me?").bare == "does policy, or, notify me?"


@pytest.mark.parametrize(
    "given", ["jivochat.com", "JivoChat", "jivosite, inc.", "https://www.jivochat.com/privacy", "JIVOSITE"]
)
def test_a_company_may_be_given_by_id_name_alias_or_domain(given: str):
    assert NAMES.given(given).id == "jivochat.com"


def test_an_unknown_company_given_is_an_error_with_the_nearest_names():
    with pytest.raises(UnknownCompany, match="did you mean JivoChat") as raised:
        NAMES.given("jivo-chatt")
    assert raised.value.nearest[0] == "JivoChat"


def test_a_known_brand_is_no_misspelt_other_company():
    names = CompanyNames([Company("strive.com", "Strive", (), ("strive.com",))], lower_case_words={})
    assert (
        names.mentions("does Stripe sell data?").matched,
        [u.name for u in names.mentions("does Stripe sell data?").unknown],
    ) == ((), ["Stripe"])


@pytest.mark.parametrize("verb", ["store", "keep", "use"])
def test_what_companies_do_does_not_drop_one_of_them(verb: str):
    assert known(f"does migme or Mailigen {verb} my card?") == ["mig.me", "mailigen.com"]


def test_whom_it_deals_with_stays_in_what_is_searched():
    said = NAMES.mentions("does Mailigen share my address with Zendesk?")
    assert (said.dealt_with, said.bare) == (("Zendesk",), "does share my address with Zendesk?")


def test_a_company_called_by_words_of_the_language_gives_way_to_one_with_a_name():
    role = Company("thedatacontroller", "The Data Controller", (), ())
    names = CompanyNames([role, *COMPANIES], lower_case_words=WORDS)
    asked = names.mentions(f"Who is the data controller for {COMPANIES[0].name}?")
    assert [company.id for company in asked.companies] == [COMPANIES[0].id]
    assert [company.id for company in names.mentions("does The Data Controller sell my data?").companies] == [role.id]


@pytest.mark.parametrize("name", ["Levi's", "Ben & Jerry's", "Domino’s"])
@pytest.mark.parametrize(
    "question",
    ["does {} sell my data", "how long does it keep mine, {}?", "what are {} rules?", "is data kept by {}, or not"],
)
def test_a_name_that_ends_like_a_possessive_is_found(name: str, question: str):
    names = CompanyNames([*COMPANIES, Company("it", name, (), ())], lower_case_words=WORDS)
    found = {company.name for company in names.mentions(question.format(name)).companies}
    assert found == {name}


@pytest.mark.parametrize("name", ["Guess?", "Which?", "Yahoo!", "Fiesta+"])
@pytest.mark.parametrize(
    "question", ["tell me how long {} keeps records", "is {} better than most at deleting things", "{}: ads"]
)
def test_a_name_that_ends_with_a_mark_is_found_with_it(name: str, question: str):
    names = CompanyNames([*COMPANIES, Company("it", name, (), ())], lower_case_words=WORDS)
    for written in (name, name.lower()):
        assert [company.id for company in names.mentions(question.format(written)).companies] == ["it"]


@pytest.mark.parametrize("name", ["微信", "ВКонтакте", "שופרסל", "كريم", "카카오톡", "Ζαγόρι"])
@pytest.mark.parametrize(
    "question", ["{}: how long are records kept?", "At {}, who can see my records?", "{} sells data?"]
)
def test_a_name_in_another_script_is_found_wherever_it_stands(name: str, question: str):
    names = CompanyNames([*COMPANIES, Company("it", name, (), ())], lower_case_words=WORDS)
    assert [company.id for company in names.mentions(question.format(name)).companies] == ["it"]


@pytest.mark.parametrize(
    "name", ["home depot", "old navy", "Path of Exile", "Bank of America", "burger king", "The New York Times"]
)
def test_an_unknown_name_of_ordinary_words_is_told_whole(name: str):
    assert unknown(f"does {name} sell my data?") == [name]


@pytest.mark.parametrize(
    "question",
    [
        "Is Google named as a subprocessor in the policy of Mailigen?",
        "According to migme, is data from Google personal?",
    ],
)
def test_of_several_companies_one_at_least_is_asked(question: str):
    assert known(question)
