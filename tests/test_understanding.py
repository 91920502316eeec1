"""What is understood of a question beside its chat: small talk, language, companies given, documents and days named."""

from datetime import date

import pytest

from index.errors import BadQuestion, DeadlineExceeded, UnknownCompany
from index.policies.companies import Company
from qa.answers import CompanyVerdict, ExtractiveAnswerer, Outcome
from qa.deadline import Deadline
from qa.question.language import ONLY_ENGLISH
from qa.question.mentions import CompanyNames
from qa.question.query import QuestionKind
from qa.question.spelling import Spelling
from qa.question.turn_kinds import SMALL_TALK
from qa.question.understanding import Understanding

COMPANIES = [
    Company("jivochat.com", "JivoChat", (), ("jivochat.com",)),
    Company("mailigen.com", "Mailigen", (), ("mailigen.com",)),
    Company("target", "Target", (), ()),
]
UNDERSTANDING = Understanding(CompanyNames(COMPANIES, lower_case_words={}), Spelling({"cookies": 9, "retention": 3}))


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        ("hi", "greeting"),
        ("Thanks a lot!", "thanks"),
        ("bye", "goodbye"),
        ("are you sure?", "doubt"),
        ("who are you?", "what_it_is"),
        ("what can I ask you?", "what_it_can_do"),
        ("which companies do you know?", "which_companies"),
        ("is this legal advice?", "no_legal_advice"),
    ],
)
def test_small_talk_gets_a_reply_of_its_kind(turn: str, kind: str):
    query = UNDERSTANDING.query(turn, history=["does JivoChat sell my data?"])
    assert query.small_talk == kind
    text = ExtractiveAnswerer().answer(query, Outcome.OUT_OF_SCOPE, (), ())
    assert text.startswith(SMALL_TALK[kind].reply.partition("{")[0])
    assert "{" not in text


def test_the_companies_that_are_known_are_listed_on_request():
    query = UNDERSTANDING.query("which companies do you know?")
    text = ExtractiveAnswerer().answer(query, Outcome.OUT_OF_SCOPE, (), ())
    assert text == "I know the policies of 3 companies: JivoChat, Mailigen, Target."
    given = UNDERSTANDING.query("which companies do you know?", companies=["target"])
    assert "one company: Target." in ExtractiveAnswerer().answer(given, Outcome.OUT_OF_SCOPE, (), ())


@pytest.mark.parametrize("question", ["do you sell data?", "can I delete my account", "contact email", "summarise"])
def test_a_question_about_policies_is_no_small_talk(question: str):
    assert not UNDERSTANDING.query(question).small_talk


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Verkauft JivoChat meine Daten an Dritte?", "de"),
        ("Est-ce que Mailigen vend mes données ?", "fr"),
        ("¿Cuánto tiempo guardan mis datos?", "es"),
        ("Продаёте ли вы мои данные?", "ru"),
        ("你们会出售我的数据吗？", "zh"),
        ("私のデータを販売しますか？", "ja"),
        ("هل تبيعون بياناتي؟", "ar"),
    ],
)
def test_a_question_in_another_language_is_answered_in_it(question: str, language: str):
    query = UNDERSTANDING.query(question)
    text = ExtractiveAnswerer().answer(query, Outcome.UNSUPPORTED_LANGUAGE, (), ())
    assert (query.language, text) == (language, ONLY_ENGLISH[language])


@pytest.mark.parametrize("question", ["does 微信 sell my data", "JivoChat GDPR DPO?", "cookies", "nuke my acct pls"])
def test_english_with_few_or_strange_words_is_english(question: str):
    assert UNDERSTANDING.query(question).language == "en"


def test_companies_given_are_asked_where_none_is_named():
    query = UNDERSTANDING.query("do they sell data?", companies=["Mailigen", "target"])
    assert [company.id for company in query.companies] == ["mailigen.com", "target"]
    assert query.standalone == "About Mailigen and Target: do they sell data?"


def test_of_the_companies_given_the_one_named_is_asked():
    query = UNDERSTANDING.query("does Mailigen sell data?", companies=["Mailigen", "target"])
    assert ([company.id for company in query.companies], query.not_covered) == (["mailigen.com"], ())


@pytest.mark.parametrize("name", ["JivoChat", "Blorptex"])
def test_a_company_beside_those_given_is_not_answered_for_by_them(name: str):
    query = UNDERSTANDING.query(f"does {name} sell data?", companies=["Mailigen", "target"])
    assert ([each.name for each in query.not_covered], query.companies) == ([name], ())
    text = ExtractiveAnswerer().answer(query, Outcome.UNKNOWN_COMPANY, (), ())
    assert text == "This chat covers Mailigen and Target."


def test_whom_the_given_company_deals_with_is_no_other_company_asked_about():
    query = UNDERSTANDING.query("does it share my data with JivoChat?", companies=["Mailigen"])
    assert ([company.id for company in query.companies], query.not_covered) == (["mailigen.com"], ())


def test_an_unknown_company_given_is_an_error():
    with pytest.raises(UnknownCompany):
        UNDERSTANDING.query("do they sell data?", companies=["Blorptex"])


@pytest.mark.parametrize("question", ["hello", "and how long?", "verkauft ihr meine Daten an Dritte weiter?"])
def test_an_earlier_question_that_is_none_is_an_error_whatever_is_asked_now(question: str):
    with pytest.raises(BadQuestion):
        UNDERSTANDING.query(question, history=["", *["do you sell my data?"] * 40])


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("what did the policy of 2015 say about cookies?", date(2015, 12, 31)),
        ("does it sell data as of May 2016", date(2016, 5, 31)),
        ("were cookies set back in 3 June 2014?", date(2014, 6, 3)),
        ("do you keep data of people born before 2005?", None),
    ],
)
def test_the_day_that_a_question_names_is_the_day_it_asks_about(question: str, day: date | None):
    assert UNDERSTANDING.query(question).as_of == day
    assert UNDERSTANDING.query(question, as_of=date(2020, 1, 1)).as_of == date(2020, 1, 1)


@pytest.mark.parametrize(
    ("question", "types"),
    [
        ("what is said on logs in the cookie policy?", ("Trackers Policy",)),
        ("according to their terms of service, who owns my photos?", ("Terms of Service",)),
        ("do you set cookies?", ()),
    ],
)
def test_documents_that_a_question_names_are_told(question: str, types: tuple[str, ...]):
    assert UNDERSTANDING.query(question).document_types == types


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("does JivoChat sell data?", QuestionKind.YES_NO),
        ("which cookies does Mailigen set?", QuestionKind.LIST),
        ("how long does Mailigen keep logs?", QuestionKind.FACT),
        ("do JivoChat and Mailigen sell data?", QuestionKind.SEVERAL),
        ("hello", QuestionKind.SMALL_TALK),
        ("are you a lawyer?", QuestionKind.ABOUT_THE_SERVICE),
    ],
)
def test_the_kind_of_a_question_is_told(question: str, kind: QuestionKind):
    assert UNDERSTANDING.query(question).kind is kind


def test_a_deadline_that_has_passed_ends_the_work():
    with pytest.raises(DeadlineExceeded):
        UNDERSTANDING.query("does JivoChat sell data?", deadline=Deadline.after(-1.0))


@pytest.mark.parametrize("question", ["", "?!", "\0", "x" * 2_001])
def test_what_cannot_be_read_is_an_error(question: str):
    with pytest.raises(BadQuestion):
        UNDERSTANDING.query(question)
    with pytest.raises(BadQuestion):
        UNDERSTANDING.query("and then?", history=[question])


def test_the_only_company_given_is_asked_under_an_unknown_name_and_told():
    query = UNDERSTANDING.query("does Blorptex sell data?", companies=["Mailigen"])
    assert [company.id for company in query.companies] == ["mailigen.com"]
    silent = CompanyVerdict(query.companies[0], Outcome.NOT_STATED, None, 0.1, ())
    text = ExtractiveAnswerer().answer(query, Outcome.NOT_STATED, [silent], ())
    assert text == "This chat covers Mailigen.\nThe policy of Mailigen does not say."


@pytest.mark.parametrize(
    "question",
    [
        "which of them use google analytics?",
        "who shares data with facebook?",
        "do any companies use stripe?",
        "which companies sell data to Google",
    ],
)
def test_a_company_that_all_are_asked_about_is_merely_dealt_with(question: str):
    query = UNDERSTANDING.query(question)
    assert (query.companies, query.unknown, len(query.dealt_with)) == ((), (), 1)


@pytest.mark.parametrize("question", ["does facebook sell data", "which of facebook and google sells data"])
def test_an_unknown_company_that_is_asked_stays_unknown(question: str):
    assert UNDERSTANDING.query(question).unknown
