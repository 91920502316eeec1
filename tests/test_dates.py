"""Days as people write them, and the day that a document states for itself."""

from datetime import date

import pytest

from index.language.dates import effective_on, parse_day
from index.parsing.parse import parse

HEADER = (
    "> *The following text is extracted and transformed from the Tallgrass privacy policy that was archived on {}. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)
BODY = "We keep voice recordings for ten days, and then they are deleted."


def stated(line: str, *, header: str = "", body: str = BODY) -> date | None:
    return effective_on(parse(f"{header}# Privacy Policy\n\n{line}\n\n{body}\n".encode(), path="a.md"))


@pytest.mark.parametrize(
    "text",
    [
        "20 March 2015",
        "March 20th, 2015",
        "2015-03-20",
        "20.03.2015",
        "20/03/2015",
        "03/20/2015",
        "20th of March 2015",
        "20. März 2015",
        "20 mars 2015",
        "20 de marzo de 2015",
        "20 marzo 2015",
        "20 maart 2015",
        "20 de março de 2015",
        "20 marca 2015",
        "Mar. 20, 2015",
        "2015/03/20",
        "20-Mar-2015",
        "2015年3月20日",
    ],
)
def test_a_day_is_read_as_people_write_it(text: str):
    assert parse_day(text) == date(2015, 3, 20)


@pytest.mark.parametrize(
    "text", ["04/05/2019", "2015-13-40", "31 February 2020", "March 2015", "soon", "", "12", "1 Foo 2015"]
)
def test_what_names_no_day_or_two_is_none(text: str):
    assert parse_day(text) is None


def test_a_day_in_the_header_line_is_when_it_was_archived():
    for written in ("20 March 2015", "March 20th, 2015", "2015-03-20", "20/03/2015"):
        document = parse(f"{HEADER.format(written)}# Privacy Policy\n\n{BODY}\n".encode(), path="a.md")
        assert document.metadata.archived_on == date(2015, 3, 20)
        assert "extracted and transformed" not in document.text[document.blocks[0].start :]


@pytest.mark.parametrize(
    "line",
    [
        "Last updated: May 3, 2021",
        "*Last updated: 3 May 2021*",
        "**Effective Date** May 3rd, 2021",
        "Effective as of 3 May 2021 | Posted: 1 May 2021",
        "Version of 2021-05-03",
        "(Updated: May 3, 2021)",
        "Last Updated/Effective Date: May 03, 2021",
        "This policy was last modified on May 3. 2021.",
        "Revised on the 3rd of May, 2021",
        "Our privacy notice went into effect on May 3rd, 2021.",
        "In force since 3 May 2021",
        "Valid from 7th of May 2020, updated May 3rd, 2021.",
        "May 3, 2021",
        "LAST REVISED: MAY 3, 2021",
        "Stand: 3. Mai 2021",
        "Zuletzt aktualisiert am 3. Mai 2021",
        "Gültig ab: 03.05.2021",
        "Dernière mise à jour : 3 mai 2021",
        "En vigueur depuis le 3 mai 2021",
        "Última actualización: 3 de mayo de 2021",
        "Ultimo aggiornamento: 3 maggio 2021",
        "Laatst bijgewerkt op 3 mei 2021",
        "Última atualização: 3 de maio de 2021",
        "Data wejścia w życie: 3 maja 2021 r.",
    ],
)
def test_the_day_that_a_document_states_for_itself(line: str):
    assert stated(line) == date(2021, 5, 3)


@pytest.mark.parametrize(
    "line",
    [
        "We comply with the GDPR, which became effective on 25 May 2018.",
        "The Regulation (EU) 2016/679 of 27 April 2016 applies.",
        "The CCPA took effect on January 1, 2020.",
        "We delete data collected since 1 January 2020.",
        "© 2020 Tallgrass, Inc.",
        "See the version of 3 May 2019.",
        "Previous version: 3 May 2019",
        "This policy replaces the one dated 1 January 2018.",
        "If you registered before 1 June 2020, the former policy applies.",
        "Effective from June 6, 2014 until May 24, 2018",
        "On 3 May 2019 we were acquired by Calderon.",
    ],
)
def test_days_of_laws_of_other_versions_and_of_events_are_not_its_own(line: str):
    assert stated(line) is None


def test_a_day_stands_at_the_end_too_and_behind_a_menu():
    assert stated(BODY, body=f"{BODY}\n\nLast updated: 3 May 2021") == date(2021, 5, 3)
    menu = "\n\n".join(f"Read about our product number {n} here." for n in range(20))
    text = f"{menu}\n\nPrivacy policy last updated 3 May 2021\n\n" + f"{BODY}\n\n" * 20
    assert effective_on(parse(text.encode(), path="a.md")) == date(2021, 5, 3)


def test_what_stands_first_counts_before_what_stands_last():
    assert stated("Effective: 3 May 2021", body=f"{BODY}\n\n" * 20 + "Updated 9 June 2022") == date(2021, 5, 3)


def test_a_month_is_its_first_day():
    assert stated("Last updated: September 2024") == date(2024, 9, 1)


def test_numbers_that_may_be_two_days_are_told_by_other_dates_language_or_day_of_the_record():
    assert stated("Last updated: 04/05/2019") is None
    assert stated("Last updated: 04/05/2019", body=f"{BODY} Orders up to 25/12/2018 are kept.") == date(2019, 5, 4)
    assert stated("Last updated: 04/05/2019", body=f"{BODY} Orders up to 12/25/2018 are kept.") == date(2019, 4, 5)
    french = "Nous conservons les enregistrements vocaux pendant dix jours, puis nous les effaçons de nos serveurs."
    assert stated("Mise à jour : 04/05/2019", body=french) == date(2019, 5, 4)
    assert stated("Last updated: 11/02/2019", header=HEADER.format("2019-03-01")) == date(2019, 2, 11)
    assert stated("Last updated: 10.19.2020") == date(2020, 10, 19)


def test_a_day_given_beside_the_text_is_the_one():
    document = parse(
        f"---\neffective_on: 2020-01-02\n---\n\nLast updated: 3 May 2021\n\n{BODY}\n".encode(), path="a.md"
    )
    assert effective_on(document) == date(2020, 1, 2)
