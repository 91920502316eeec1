"""The language of a question, and the reply to one in a language that we do not read."""

import re
from collections.abc import Sequence

from index.language.detect import READ_LANGUAGES, classified
from index.language.english import word_counts
from index.parsing.document import Span

ONLY_ENGLISH = {
    "ar": "أقرأ الأسئلة بالإنجليزية فقط. من فضلك اسأل بالإنجليزية.",
    "de": "Ich lese nur Fragen auf Englisch. Bitte stellen Sie die Frage auf Englisch.",
    "es": "Solo leo preguntas en inglés. Por favor, haga la pregunta en inglés.",
    "fr": "Je ne lis que les questions en anglais. Veuillez poser la question en anglais.",
    "it": "Leggo solo domande in inglese. Per favore, faccia la domanda in inglese.",
    "ja": "英語の質問だけに対応しています。英語でご質問ください。",
    "nl": "Ik lees alleen vragen in het Engels. Stel de vraag alstublieft in het Engels.",
    "pl": "Czytam tylko pytania po angielsku. Proszę zadać pytanie po angielsku.",
    "pt": "Só leio perguntas em inglês. Por favor, faça a pergunta em inglês.",
    "ru": "Я понимаю только вопросы на английском языке. Пожалуйста, задайте вопрос по-английски.",
    "tr": "Yalnızca İngilizce soruları okuyabiliyorum. Lütfen sorunuzu İngilizce sorun.",
    "zh": "我只能阅读英文问题，请用英文提问。",
}
IN_ENGLISH = "Only questions in English are read here. Please ask in English."

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_ENGLISH_FROM, _FOREIGN_FROM, _FEWEST_WORDS = 0.6, 0.5, 3
_MOST_CHARS = 300
_COMMON_FROM = 1_000  # times in the list of words; rarer ones are often other languages' in names and films


def language_of_question(question: str, names: Sequence[Span] = ()) -> str:
    """A BCP 47 tag of what `question` is in; "en" where its few words do not tell. `names`: spans that do not count.

    >>> language_of_question("Verkauft JivoChat meine Daten an Dritte?"), language_of_question("does 微信 sell my data")
    ('de', 'en')
    """
    question = question[:_MOST_CHARS]
    rest = "".join(" " if any(start <= n < end for start, end in names) else c for n, c in enumerate(question))
    found = _WORD.findall(rest)
    foreign_letters = sum(not _LATIN.match(letter) for word in found for letter in word)
    letters = sum(map(len, found))
    if letters and foreign_letters > letters / 2:
        tag, _ = classified(rest)
        return tag if tag not in READ_LANGUAGES else "und"
    english = sum(word_counts().get(word.lower(), 0) >= _COMMON_FROM for word in found)
    if len(found) < _FEWEST_WORDS or english >= _ENGLISH_FROM * len(found):
        return "en"
    tag, probability = classified(rest)
    return tag if probability >= _FOREIGN_FROM else "en"


def not_read(language: str) -> str:
    """The reply to a question in `language`: in that language if it is a common one, else in English."""
    return ONLY_ENGLISH.get(language, IN_ENGLISH)
