"""PDFs, made by reportlab, come out as a person reads them; what cannot be read is refused by name."""

import io
import threading
import zlib
from collections.abc import Callable

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from index.errors import DamagedPolicy, EmptyPolicy, LockedPolicy, NotText, PolicyError, ScannedPolicy
from index.parsing import pdf
from index.parsing.document import Block, Document, Kind
from index.parsing.pdf import parse_pdf
from index.parsing.pdf_hyphens import Joiner

WORDS = (
    "We collect the address of your device and the pages that you visit when you use our services and we keep them "
    "for ninety days. After that we delete them from all of our servers and from those of our suppliers. "
).split()


def made(draw: Callable[[Canvas], None], **options: object) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def write(canvas: Canvas, x: float, y: float, lines: list[str], *, font: str = "Helvetica", size: float = 10) -> float:
    canvas.setFont(font, size)
    for line in lines:
        canvas.drawString(x, y, line)
        y -= 1.25 * size
    return y


def wrapped(canvas: Canvas, text: str, width: float, *, size: float = 10) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if canvas.stringWidth(longer, "Helvetica", size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def parse(draw: Callable[[Canvas], None], **options: object) -> Document:
    return parse_pdf(made(draw, **options), path="acme.pdf")


def texts(document: Document, kind: Kind | None = None) -> list[str]:
    return [words(document, block) for block in document.blocks if kind in (None, block.kind)]


def words(document: Document, block: Block) -> str:
    return document.text[block.start : block.end]


def lead_ins(document: Document, text: str) -> list[str]:
    block = next(block for block in document.blocks if words(document, block).startswith(text))
    return [document.text[start:end] for start, end in block.lead_ins]


def filler(canvas: Canvas, x: float, y: float, width: float, *, times: int = 3) -> float:
    return write(canvas, x, y, wrapped(canvas, " ".join(WORDS * times), width))


def test_lines_of_a_paragraph_are_one_line_and_paragraphs_are_set_apart() -> None:
    def draw(canvas: Canvas) -> None:
        y = write(canvas, 72, 750, ["We keep your voice recordings for ten days and then", "we delete them."])
        write(canvas, 72, y - 8, ["You may object to that at any time, by post or by writing", "to us."])

    document = parse(draw)
    assert document.text == (
        "We keep your voice recordings for ten days and then we delete them.\n\n"
        "You may object to that at any time, by post or by writing to us.\n\n"
    )
    assert [block.kind for block in document.blocks] == [Kind.PARAGRAPH, Kind.PARAGRAPH]


def test_first_line_indents_begin_paragraphs_without_space_between() -> None:
    def draw(canvas: Canvas) -> None:
        first, *rest = wrapped(canvas, " ".join(WORDS), 300)
        y = write(canvas, 87, 750, [first])
        y = write(canvas, 72, y, rest)
        y = write(canvas, 87, y, ["Our suppliers do the same, and we see to it that they do"])
        write(canvas, 72, y, ["so within a week."])

    assert texts(parse(draw)) == [
        " ".join(WORDS),
        "Our suppliers do the same, and we see to it that they do so within a week.",
    ]


def test_two_columns_are_read_one_after_the_other_below_what_spans_them() -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 60, 770, ["A Title Over Both Of The Columns Of This Page"], font="Helvetica-Bold", size=18)
        left = wrapped(canvas, "LEFT " + " ".join(WORDS * 4), 220)
        right = wrapped(canvas, "RIGHT " + " ".join(WORDS * 4), 220)
        write(canvas, 60, 730, left)
        write(canvas, 310, 728, right)

    assert texts(parse(draw)) == [
        "A Title Over Both Of The Columns Of This Page",
        "LEFT " + " ".join(WORDS * 4),
        "RIGHT " + " ".join(WORDS * 4),
    ]


def test_a_sentence_goes_on_across_pages_without_header_footer_and_page_number() -> None:
    def draw(canvas: Canvas) -> None:
        for page, line in enumerate(("We keep the history of your geolo-", "cation for thirteen months, no longer.")):
            write(canvas, 72, 810, ["Acme Privacy Policy"], size=8)
            y = 780.0 if page else filler(canvas, 72, 780, 450) - 10
            write(canvas, 72, y, [line])
            write(canvas, 72, 30, [f"Page {page + 1} of 2"], size=8)
            canvas.showPage()

    assert texts(parse(draw))[1:] == ["We keep the history of your geolocation for thirteen months, no longer."]


def test_paragraphs_that_stand_at_the_same_place_on_several_pages_are_no_headers() -> None:
    document = parse(policy_pages)
    assert texts(document) == [" ".join(WORDS * 4)] * 3


@pytest.mark.parametrize("number", ["{}", "- {} -", "{} / 3", "Page {}"])
def test_a_number_alone_at_the_foot_is_the_page_s(number: str) -> None:
    def draw(canvas: Canvas) -> None:
        for page in range(1, 4):
            write(canvas, 72, 780, wrapped(canvas, " ".join(["Here", *WORDS[page:] * 3]), 450))
            canvas.drawCentredString(300, 30, number.format(page))
            canvas.showPage()

    assert texts(parse(draw)) == [" ".join(["Here", *WORDS[page:] * 3]) for page in range(1, 4)]


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        ("your geolo-", "cation data", "your geolocation data"),
        ("for long-", "term storage", "for long-term storage"),
        ("outside of non-", "EU countries", "outside of non-EU countries"),
        ("by e-", "mail or post", "by e-mail or post"),
        ("infor\u00ad", "mation about", "information about"),
        ("short-", "and long-term", "short- and long-term"),
        ("see https://acme.example/privacy/", "cookies for more", "see https://acme.example/privacy/cookies for more"),
        ("the Tallgrass-", "App", "the Tallgrass-App"),
    ],
)
def test_hyphens_at_line_ends_are_mended_where_a_word_was_broken(above: str, below: str, joined: str) -> None:
    assert Joiner(["some transfor-", "mation of words", above, below]).joined([above, below]) == joined


def test_words_elsewhere_in_the_document_say_whether_a_hyphen_stays() -> None:
    assert Joiner(["Our DesignCrowd site", "a Design-", "Crowd page"]).joined(["Design-", "Crowd"]) == "DesignCrowd"
    assert Joiner(["on a micro-site of ours", "a micro-", "site"]).joined(["micro-", "site"]) == "micro-site"


def test_headings_are_ranked_by_size_and_by_number() -> None:
    def draw(canvas: Canvas) -> None:
        y = write(canvas, 72, 780, ["Privacy Policy"], font="Helvetica-Bold", size=20)
        for number, title in (("4", "RETENTION"), ("5", "SHARING")):
            y = write(canvas, 72, y - 14, [f"{number}  {title}"], font="Helvetica-Bold", size=13)
            y = write(canvas, 72, y - 8, [f"{number}.2 Retention periods"], font="Helvetica-Bold", size=11)
            y = filler(canvas, 72, y - 6, 450, times=1)

    document = parse(draw)
    levels = [(block.level, words(document, block)) for block in document.blocks if block.kind is Kind.HEADING]
    assert levels == [
        (1, "Privacy Policy"),
        (2, "4 RETENTION"),
        (3, "4.2 Retention periods"),
        (2, "5 SHARING"),
        (3, "5.2 Retention periods"),
    ]


@pytest.mark.parametrize("bullet", ["\u2022", "\u25aa", "-", "\u2013", "drawn", "symbol"])
def test_items_have_all_lead_ins_whatever_their_bullet(bullet: str) -> None:
    def mark(canvas: Canvas, x: float, y: float) -> None:
        if bullet == "drawn":
            canvas.circle(x + 2, y + 3, 1.5, fill=1)
        elif bullet == "symbol":
            canvas.setFont("ZapfDingbats", 8)
            canvas.drawString(x, y, "\u27a2")
        else:
            canvas.setFont("Helvetica", 10)
            canvas.drawString(x, y, bullet)

    def draw(canvas: Canvas) -> None:
        filler(canvas, 72, 780, 450)
        write(canvas, 72, 600, ["Some promises are firm. We will never sell:"])
        for x, y, text in (
            (80, 580, "your contacts:"),
            (100, 566, "their names;"),
            (100, 552, "their numbers."),
            (80, 538, "your location."),
        ):
            mark(canvas, x, y)
            write(canvas, x + 14, y, [text])

    document = parse(draw)
    assert texts(document, Kind.ITEM) == ["your contacts:", "their names;", "their numbers.", "your location."]
    assert lead_ins(document, "their numbers") == ["We will never sell:", "your contacts:"]
    assert lead_ins(document, "your location") == ["We will never sell:"]


def test_a_year_at_the_beginning_of_a_line_is_no_mark() -> None:
    def draw(canvas: Canvas) -> None:
        write(
            canvas, 72, 780, ["This policy replaces the one that we published on the 3rd of March of the year", "2018."]
        )
        write(
            canvas,
            72,
            740,
            ["It was last changed by the board of our company at its meeting in the summer of", "19. It holds."],
        )

    assert texts(parse(draw), Kind.ITEM) == []


@pytest.mark.parametrize("rules", ["grid", "across", "none"])
def test_rows_of_tables_have_cells_and_the_names_of_their_columns(rules: str) -> None:
    rows = [("Data", "Purpose", "Kept for"), ("Voice clips", "Recognition of speech", "30 days")]
    rows += [("Invoices", "Accounting by law", "ten years"), ("Log files", "Security of the service", "90 days")]
    xs, top, height = [72, 190, 350, 450], 700, 20

    def draw(canvas: Canvas) -> None:
        filler(canvas, 72, 800, 450, times=2)
        for n, row in enumerate(rows):
            font = "Helvetica" if n else "Helvetica-Bold"
            for x, cell in zip(xs, row, strict=False):
                write(canvas, x + 4, top - n * height - 14, [cell], font=font)
        for n in range(len(rows) + 1):
            if rules != "none":
                canvas.line(xs[0], top - n * height, xs[-1], top - n * height)
        for x in xs:
            if rules == "grid":
                canvas.line(x, top, x, top - len(rows) * height)
        filler(canvas, 72, 560, 450, times=2)

    document = parse(draw)
    found = [block for block in document.blocks if block.kind is Kind.ROW]
    cells = [tuple(document.text[cell.start : cell.end] for cell in block.cells) for block in found]
    columns = [tuple(document.text[slice(*cell.column)] for cell in block.cells if cell.column) for block in found]
    assert cells == rows[1:]
    assert columns == [rows[0]] * 3
    assert len(texts(document, Kind.PARAGRAPH)) == 2


def test_footnotes_hang_on_what_cites_them_and_are_no_blocks() -> None:
    def draw(canvas: Canvas) -> None:
        y = filler(canvas, 72, 780, 450)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(72, y - 20, "We share ratings with sellers.")
        x = 72 + canvas.stringWidth("We share ratings with sellers.", "Helvetica", 10)
        write(canvas, x, y - 16, ["1"], size=6)
        write(canvas, 72, 60, ["1"], size=5)
        write(canvas, 76, 58, ["Only when you agree."], size=8)

    document = parse(draw)
    assert "We share ratings with sellers." in texts(document)
    assert "Only when you agree." not in texts(document)
    noted = next(block for block in document.blocks if block.notes)
    assert words(document, noted) == "We share ratings with sellers."
    assert [document.text[start:end] for start, end in noted.notes] == ["Only when you agree."]


def test_a_raised_number_without_a_note_stays() -> None:
    def draw(canvas: Canvas) -> None:
        filler(canvas, 72, 780, 450)
        write(canvas, 72, 500, ["The plot of 40 m"])
        write(canvas, 72 + canvas.stringWidth("The plot of 40 m", "Helvetica", 10), 504, ["2"], size=6)
        write(canvas, 160, 500, ["is ours."])

    assert "The plot of 40 m2 is ours." in texts(parse(draw))


def test_a_table_of_contents_is_in_no_block() -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, 72, 780, ["Contents"], font="Helvetica-Bold", size=14)
        write(
            canvas, 72, 750, [f"{n}. {title} {'.' * 60} {n}" for n, title in enumerate(("Scope", "Sharing"), start=1)]
        )
        y = write(canvas, 72, 690, ["1. Scope"], font="Helvetica-Bold", size=14)
        filler(canvas, 72, y, 450, times=1)

    assert texts(parse(draw)) == ["1. Scope", " ".join(WORDS)]


def test_a_short_answer_has_its_question() -> None:
    def draw(canvas: Canvas) -> None:
        y = filler(canvas, 72, 780, 450)
        y = write(canvas, 72, y - 10, ["Do you sell my contact list?"], font="Helvetica-Bold")
        y = write(canvas, 72, y - 6, ["No."])
        filler(canvas, 72, y - 10, 450)

    assert lead_ins(parse(draw), "No.") == ["Do you sell my contact list?"]


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Acme Privacy Policy", "Acme Privacy Policy"),
        ("Microsoft Word - policy v3.doc", None),
        ("untitled", None),
        ("policy_final.indd", None),
        ("https://acme.example/privacy", None),
    ],
)
def test_the_title_is_kept_where_it_is_one(title: str, kept: str | None) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setTitle(title)
        filler(canvas, 72, 780, 450)

    metadata = parse(draw, lang="en-GB").metadata
    assert (metadata.title, metadata.language, metadata.archived_on) == (kept, "en-GB", None)


def policy_pages(canvas: Canvas) -> None:
    for _ in range(3):
        filler(canvas, 72, 780, 450, times=4)
        canvas.showPage()


def picture(canvas: Canvas) -> None:
    canvas.drawInlineImage(_noise(), 0, 0, *A4)
    canvas.showPage()


def _noise() -> object:
    from PIL import Image

    return Image.effect_noise((300, 400), 90)


def page_that_is_missing() -> bytes:
    return _file(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R 9 0 R]/Count 2>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
    )


def _file(*objects: bytes) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(data),
    )  # fmt: skip


def _with_stream(packed: bytes) -> bytes:
    return _file(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def broken_stream() -> bytes:
    packed = zlib.compress(b"".join(b"BT /F1 10 Tf 72 %d Td (We keep it.) Tj ET\n" % n for n in range(99, 700)))
    return _with_stream(packed[: len(packed) // 2] + bytes(40) + packed[len(packed) // 2 + 40 :])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"%PDF-1.7\n", DamagedPolicy, "damaged"),
        (b"We keep nothing.", NotText, "no PDF"),
        (made(policy_pages)[:-900], DamagedPolicy, "damaged"),
        (made(policy_pages)[:-8], DamagedPolicy, "cut short"),
        (broken_stream(), DamagedPolicy, "cannot be unpacked"),
        (page_that_is_missing(), DamagedPolicy, "page 2 is missing"),
        (made(policy_pages, encrypt=StandardEncryption("secret", ownerPassword="owner")), LockedPolicy, "password"),
        (made(picture), ScannedPolicy, "no text layer: it is a scan; run OCR"),
        (made(lambda canvas: (policy_pages(canvas), picture(canvas))), ScannedPolicy, "page 4 of 4"),
        (made(lambda canvas: canvas.showPage()), EmptyPolicy, "no page of the PDF has words"),
    ],
)
def test_what_cannot_be_read_whole_is_refused_by_name(data: bytes, error: type[PolicyError], message: str) -> None:
    with pytest.raises(error, match=rf"\Aacme\.pdf: .*{message}"):
        parse_pdf(data, path="acme.pdf")


def test_a_file_that_an_owner_password_protects_from_changes_is_read() -> None:
    document = parse(policy_pages, encrypt=StandardEncryption("", ownerPassword="owner"))
    assert len(document.blocks) == 3


def test_more_pages_than_any_policy_has_are_refused() -> None:
    data = made(lambda canvas: [canvas.showPage() for _ in range(2_001)])
    with pytest.raises(DamagedPolicy, match=r"2001 pages; at most 2000"):
        parse_pdf(data, path="acme.pdf")


def test_a_file_that_keeps_its_reader_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "READ_TIMEOUT_S", 0.001)
    with pytest.raises(DamagedPolicy, match="was not read within"):
        parse(policy_pages)


def test_threads_parse_at_once() -> None:
    data = made(policy_pages)
    alone = parse_pdf(data, path="acme.pdf")
    found: list[Document] = []
    threads = [threading.Thread(target=lambda: found.append(parse_pdf(data, path="acme.pdf"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4
