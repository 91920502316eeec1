"""Titles and file names without the words for what kind of document it is: what is left may be a company's name."""

import re
from collections.abc import Iterable

from index.parsing.document import Document, Kind
from index.policies.names_in_text import readable
from index.policies.wording import commonness, lower_commonness, words_of

# A title is looked for in so many of the first lines: menus and dates stand before some.
_FIRST_CHARS, _FIRST_LINES, _MAX_TITLES, _MAX_TITLE_CHARS = 4_000, 25, 4, 100

# The nouns that end a document type's name, in the languages whose policies we meet.
_NOUNS = (
    r"policy|policies|notices?|statements?|terms|conditions|agreements?|guidelines|guides?|rules|principles|charter|"
    r"addend(?:um|a)|declarations?|disclosures?|supplements?|imprint|legals?|warranty|code|standards|requirements|"
    r"practices|cent(?:er|re)|summary|hub|info|"
    r"\w*richtlinien?|\w*erklärung(?:en)?|\w*hinweise?|\w*bedingungen|impressum|\w*bestimmungen|"
    r"politique|charte|mentions|déclaration|avis|politica|política|aviso|términos|condiciones|declaración|"
    r"informativa|termini|condizioni|termos|condições|\w*beleid|\w*verklaring|voorwaarden|\w*policyn?|villkor|"
    r"\w*politik|\w*erklæring|vilkår|\w*seloste|\w*käytäntö|ehdot|polityka|regulamin|zásady|podmínky|"
    r"политика|условия|соглашение"
)
# Words that say by themselves that a document is one of ours.
_SUBJECTS = (
    r"privacy(?:policy|notice|statement)?|cookies?|trackers?|gdpr|ccpa|eula|tos|datenschutz\w*|dsgvo|cookie\w*|"
    r"confidentialité|privacidade?|privacid|privacybeleid|personvern\w*|privatliv\w*|integritet\w*|tietosuoja\w*|"
    r"prywatności|soukromí|конфиденциальности|privée|personuppgift\w*|evästeet"
)
_TYPE_WORD = re.compile(rf"(?:{_NOUNS}|{_SUBJECTS})\Z", re.IGNORECASE)
_NOUN = re.compile(rf"(?:{_NOUNS})\Z", re.IGNORECASE)
_SUBJECT = re.compile(rf"(?:{_SUBJECTS})\Z", re.IGNORECASE)
_WITHOUT_SPACES = re.compile(
    r"プライバシー(?:ポリシー|規約)?|個人情報(?:保護方針|の取扱いについて)?|利用規約|隐私(?:政策|权政策|声明|协议)|隱私權?(?:政策|聲明)|"
    r"用户协议|服务条款|개인정보\s?(?:처리방침|보호정책)|이용약관|นโยบายความเป็นส่วนตัว"
)
_PHRASES = re.compile(
    r"\b(?:data|information|personal data) (?:protection|policy|privacy|processing)|protection (?:of|des) "
    r"(?:personal )?(?:data|données)|données (?:personnelles|à caractère personnel)|vie privée|dati personali|"
    r"datos personales|acceptable use|terms (?:of|and) (?:use|service|conditions)|community guidelines",
    re.IGNORECASE,
)
_FUNCTION_WORDS = frozenset(
    """the a an our ours your my this these of for at by from to on in and or with about how what why when we us you its
    it is are as all any more read see welcome introducing updated update last new full current version effective
    here skip print page home contents table overview introduction
    der die das den dem des ein eine von vom für und zu zum zur bei im am unser unsere ihre mit über
    le la les un une de du d l et pour à au aux sur notre nos votre par en relative
    el los las del y para sobre nuestra e il lo gli di della dello per su sulla nostra o os da do dos nossa
    het een van voor onze uw og av om i för och din vår do na w z o i dla в и о для""".split()
)
_SEPARATORS = re.compile(r"\s*[|•·»:;]\s*|\s+[-–—]+\s+|\s*[—]\s*|,\s+|\s*[()\[\]]\s*")
_DATES = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\bv(?:ersion)?[ .]?\d[\d.]*\b", re.IGNORECASE
)
_NUMBERING = re.compile(r"\A\W*(?:\d+[.)]\W*)+(?=\s|[^\W\d])|\A\W*(?:[IVX]{2,4}|[A-Za-z])[.)]\s+")
_SUFFIX_OF_SOURCE = re.compile(r"\s*#.*\Z|\s*\(\d+\)\Z")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z][a-z])")
# A word that fewer policies write than this is likely to be a name, ...
RARE = 0.03
# ... and one that more write than this, at the edge of a title, is not: "Careerly European Regional".
_QUALIFIES = 0.2


def is_document_type_name(name: str) -> bool:
    """Whether a file's base name says what kind of document it is: its last noun or its subject does.

    >>> [is_document_type_name(name) for name in ("Vulnerability Disclosure Policy", "Datenschutzerklärung", "privacy")]
    [True, True, True]
    >>> [is_document_type_name(name) for name in ("Community Guidelines - Deceased Users", "Privacy Policy #US")]
    [True, True]
    >>> [is_document_type_name(name) for name in ("acme_widgets", "0001", "target", "Legal & General")]
    [False, False, False, False]
    """
    bare = _SUFFIX_OF_SOURCE.sub("", _CAMEL.sub(" ", name))
    for part in re.split(r"\s+[-–—]\s+", bare):
        words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", part)
        ends = bool(words) and (_TYPE_WORD.match(words[-1]) is not None or _TYPE_WORD.match(words[0]) is not None)
        if _WITHOUT_SPACES.search(part) or any(map(_SUBJECT.match, words)) or (ends and "&" not in part):
            return True
    return False


def name_left_of(file_stem: str) -> str:
    """A file's base name without its document type: what it says of the company.

    >>> name_left_of("acme_privacy_policy"), name_left_of("Privacy Policy"), name_left_of("Crédit_Übung")
    ('acme', '', 'Crédit Übung')
    """
    spaced = re.sub(r"[_\s]+", " ", _SUFFIX_OF_SOURCE.sub("", file_stem))
    if "." not in spaced:
        spaced = re.sub(r"-(?=(?:privacy|cookie|terms|policy|notice)\b)|(?<=privacy)-|(?<=policy)-", " ", spaced)
    return " ".join(names_left_of(spaced))


def names_left_of(title: str) -> list[str]:
    """What is left of each part of `title` without words for a document and without words that only join.

    >>> names_left_of("imgwg Communications Privacy Policy"), names_left_of("privacy policy | migme")
    (['imgwg Communications'], ['migme'])
    >>> names_left_of("Privacy and Legal"), names_left_of("Welcome to our Privacy Policy")
    ([], [])
    >>> names_left_of("Datenschutzerklärung der Tallgrass GmbH"), names_left_of("Ben & Jerry's Cookie Notice")
    (['Tallgrass GmbH'], ["Ben & Jerry's"])
    """
    found = []
    title = _NUMBERING.sub("", title)
    cut = _WITHOUT_SPACES.sub(" | ", _PHRASES.sub(" | ", _DATES.sub(" ", title)))
    for part in _SEPARATORS.split(cut):
        run: list[str] = []
        for word in [*part.split(), ""]:
            bare = word.strip("“”\"‘’'*_.,!?()").removesuffix("'s").removesuffix("’s")
            if word and not all(map(_TYPE_WORD.match, bare.split("-"))):
                run.append(word.strip('“”"*_,'))
                continue
            left = without_joining_words(run)
            if any(map(str.isalpha, "".join(left))):
                found.append(" ".join(left))
            run = []
    return found


def without_joining_words(words: Iterable[str]) -> list[str]:
    """`words` from the first to the last that is no article, preposition or the like."""
    kept = list(words)
    while kept and not _may_be_edge(kept[0]):
        kept.pop(0)
    while kept and not _may_be_edge(kept[-1]):
        kept.pop()
    return kept


def _may_be_edge(word: str) -> bool:
    # "The Guardian" keeps its article by the text's own spelling, see `NamesInText.spelling`.
    bare = word.strip("“”\"'’().,:;*_-–—/")
    if re.fullmatch(r"[A-Z]\w?", bare) and bare not in ("A", "I"):
        return True
    return bare.casefold() not in _FUNCTION_WORDS and any(letter.isalnum() for letter in bare)


def rare_words(name: str) -> list[str]:
    """The words of `name` that hardly any policy writes.

    >>> rare_words("Careerly European Regional"), rare_words("EEA+")
    (['careerly'], [])
    """
    words = [word.removesuffix("'s") for word in words_of(name)]
    return [word for word in words if commonness(word) < RARE and any(map(str.isalpha, word))]


def core_of(name: str) -> str:
    """`name` without common words at its edges, if a rarer one is among its words.

    >>> core_of("Careerly European Regional"), core_of("Bank of the West"), core_of("imgwg Communications")
    ('Careerly', 'Bank of the West', 'imgwg Communications')
    """
    if not rare_words(name):
        return name
    words = name.split()

    def qualifies(word: str) -> bool:
        spoken = words_of(word)
        genre = all(part in _QUALIFIERS or lower_commonness(part) >= 0.7 for part in spoken)
        plain_word = word == word.lower() and all(commonness(part) > _QUALIFIES for part in spoken)
        return bool(spoken) and (genre or plain_word)

    while len(words) > 1 and qualifies(words[-1]):
        words.pop()
    while len(words) > 1 and qualifies(words[0]):
        words.pop(0)
    return " ".join(without_joining_words(words))


_QUALIFIERS = frozenset(
    """supplemental supplementary regional european american canadian california global worldwide international general
    consumer customer user website web site online mobile app apps application service services platform product
    products candidate applicant employee recruitment children children's kids health data personal information
    eu eea uk us usa u.s gdpr ccpa eea+""".split()
)


def titles_of(document: Document) -> list[str]:
    """The lines that name `document`, the likeliest first: its metadata's title, its first heading, early lines."""
    found = [document.metadata.title] if document.metadata.title else []
    headings = [block for block in document.blocks[:12] if block.kind is Kind.HEADING]
    found += [readable(document.text[block.start : block.end]) for block in headings[:2]]
    early = readable(_without_rows(document)[:_FIRST_CHARS]).split("\n")
    lines = [line.strip(" #*=>-|\t\r\\") for line in early if not line.lstrip().startswith("|")]
    lines = [line for line in lines if re.search(r"\w", line) and not re.fullmatch(r"\W*[\d\W]*", line)]
    for place, line in enumerate(lines[:_FIRST_LINES]):
        if len(line) <= _MAX_TITLE_CHARS and (place == 0 or is_title(line)):
            found.append(line)
    return list(dict.fromkeys(found))[:_MAX_TITLES]


def _without_rows(document: Document) -> str:
    """The body without tables: "Call records | 13 months | Legal obligation" is no title."""
    spans = {
        span
        for row in document.blocks
        if row.kind is Kind.ROW
        for span in ((row.start, row.end), *(cell.column for cell in row.cells if cell.column))
    }
    text, at = [], document.blocks[0].start if spans else len(document.text) - len(body_of(document))
    for start, end in sorted(spans):
        text.append(document.text[at:start])
        at = max(at, end)
    return "".join([*text, document.text[at:]])


def is_title(line: str) -> bool:
    """Whether `line` speaks of a document, and does not go on as a sentence.

    >>> is_title("Palantir's Privacy Statement"), is_title("We updated our privacy policy."), is_title("Sharing")
    (True, False, False)
    """
    words = [word.strip("“”\"'’().,:;*_") for word in line.split()]
    # "Keelhaven Privacy Services GmbH" is a firm
    speaks = any(_SUBJECT.match(word) for word in (*words[:1], *words[-1:])) or bool(_WITHOUT_SPACES.search(line))
    typed = speaks or (len(words) > 1 and any(map(_NOUN.match, words)))
    sentence = any(word.casefold() in ("we", "you", "is", "are", "this", "i", "has", "have") for word in words)
    return bool(typed) and not sentence and not line.rstrip().endswith((".", ",", ";")) and len(words) <= 12


def body_of(document: Document) -> str:
    """The text behind front matter and a header line that tells where the text comes from."""
    return document.text[document.blocks[0].start :] if document.blocks else document.text
