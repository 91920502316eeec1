"""Which language a document is in."""

import pytest

from index.language.detect import can_read, language_of
from index.parsing.document import Document
from index.parsing.parse import parse
from tests.conftest import SAMPLE

ENGLISH = (
    "We collect your name and your address when you open an account, and we keep both for as long as you have it. "
)
GERMAN = "Wir erheben Ihren Namen und Ihre Anschrift, wenn Sie ein Konto eröffnen, und speichern beides dauerhaft. "
FRENCH = (
    "Nous recueillons votre nom et votre adresse lorsque vous ouvrez un compte, et les conservons aussi longtemps. "
)


def document(text: str) -> Document:
    return parse(text.encode(), path="a.md")


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*.txt")), ids=lambda path: path.name)
def test_the_samples_are_english(path):
    assert language_of(parse(path.read_bytes(), path=str(path))) == "en"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "# Privacy Policy\n\nOur cookies last for ten days."),
        ("de", "# Datenschutzerklärung\n\nWir speichern Sprachaufnahmen zehn Tage lang."),
        ("fr", "# Politique de confidentialité\n\nNous conservons les enregistrements vocaux pendant dix jours."),
        ("es", "# Aviso de privacidad\n\nNo vendemos sus datos personales a terceros sin su consentimiento."),
        ("it", "# Informativa sulla privacy\n\nNon vendiamo i tuoi dati personali a nessuno."),
        ("nl", "# Privacybeleid\n\nWij verkopen uw gegevens niet aan derden."),
        ("pt", "# Política de Privacidade\n\nNão vendemos os seus dados pessoais a terceiros."),
        ("pl", "# Polityka prywatności\n\nNie sprzedajemy Twoich danych osobowych nikomu."),
    ],
)
def test_a_short_policy_is_in_the_language_of_its_words(language: str, text: str):
    assert language_of(document(text)) == language


def test_addresses_and_names_in_a_policy_are_no_language():
    links = " ".join(f"[Datenschutz {n}](https://beispiel.de/datenschutzerklaerung/{n})," for n in range(5))
    assert language_of(document(f"{ENGLISH * 3}\n\nSee {links} and the others.\n\n{ENGLISH * 3}")) == "en"


def test_most_of_the_running_text_decides():
    assert language_of(document(f"{GERMAN}\n\n" + f"{ENGLISH}\n\n" * 12)) == "en"
    assert language_of(document(f"# Privacy Policy\n\n{ENGLISH}\n\n" + f"{GERMAN}\n\n" * 12)) == "de"


def test_of_a_text_and_its_translations_it_is_the_text():
    translations = [words * 20 for words in (ENGLISH, GERMAN, FRENCH)]
    assert language_of(document("\n\n".join(translations))) == "en"
    assert language_of(document("\n\n".join(reversed(translations)))) == "fr"


def test_a_declared_language_is_a_hint_alone():
    assert language_of(document(f"---\nlanguage: en\n---\n\n{GERMAN * 3}")) == "de"
    assert language_of(document("---\nlanguage: de-AT\n---\n\nCookies: 30")) == "de"


def test_english_is_read_in_every_country():
    assert [can_read(tag) for tag in ("en", "en-GB", "de", "enm")] == [True, True, False, False]
