"""Sidecars: what is written is read, what people write is read, and what is wrong is told."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import PolicyError, SidecarError
from index.sources.sidecar import Sidecar, is_sidecar, read_sidecar, sidecar_path, sidecar_text

FETCHED = Sidecar(
    address="https://example.com/privacy",
    final_address="https://www.example.com/legal/privacy?lang=en",
    fetched_at=datetime(2026, 3, 1, 10, 15, 2, 123_456, tzinfo=UTC),
    status=200,
    content_type='text/html; charset="utf-8"',
    content_language="en",
    etag='W/"a\\b"',
    last_modified="Sun, 01 Feb 2026 10:00:00 GMT",
    sha256="0" * 64,
    company="Exämple & Sons",
    document_type="Privacy Policy",
    title="Our “privacy” policy",
    language="en-GB",
    archived_on=date(2026, 3, 1),
    effective_on=date(2026, 1, 1),
    licence="CC-BY-4.0",
    attribution="Open Terms Archive contributors",
)


def written(tmp_path: Path, text: str | bytes) -> Path:
    policy = tmp_path / "privacy.html"
    sidecar_path(policy).write_bytes(text.encode() if isinstance(text, str) else text)
    return policy


@pytest.mark.parametrize("sidecar", [FETCHED, Sidecar(), Sidecar(company="Example")])
def test_what_is_written_is_read(tmp_path: Path, sidecar: Sidecar) -> None:
    assert read_sidecar(written(tmp_path, sidecar_text(sidecar))) == sidecar


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50).filter(lambda t: t.strip()))
def test_any_line_of_text_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, title: str) -> None:
    sidecar = Sidecar(title=title)
    assert read_sidecar(written(tmp_path_factory.mktemp("any"), sidecar_text(sidecar))) == sidecar


def test_a_file_without_a_sidecar_has_none(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "privacy.html") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Sidecar()),
        ("\ufeff# by hand\r\ncompany = 'Example'\r\n", Sidecar(company="Example")),
        ("archived_on = 2015-03-20", Sidecar(archived_on=date(2015, 3, 20))),
        (
            "fetched_at = 2026-03-01T23:30:00-05:00",
            Sidecar(fetched_at=datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))),
        ),
        (
            'address = "HTTPS://example.com?mail=a@b"',
            Sidecar(address="HTTPS://example.com?mail=a@b"),
        ),
    ],
)
def test_what_a_person_writes_is_read(tmp_path: Path, text: str, expected: Sidecar) -> None:
    assert read_sidecar(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("company = ", "not TOML"),
        (b"\xff\xfe\0", "not TOML"),
        ("a = " + "[" * 20_000, "not TOML"),
        ("company = 'a'\ncompany = 'b'", "not TOML"),
        ("# " + "x" * 200_000, "more than the 100,000 bytes"),
        ("compnay = 'Example'", "unknown field 'compnay'; did you mean company?"),
        ("[headers]\netag = 'x'", "unknown field 'headers'"),
        ("company = 5", "company is 5; expected one line of text"),
        ("company = ' '", "expected one line of text"),
        ("company = ['a']", "expected one line of text"),
        ('title = """a\nb"""', "expected one line of text"),
        ("archived_on = '2015-03-20'", "archived_on is '2015-03-20'; expected a day without quotes"),
        ("archived_on = 2015-03-20T00:00:00Z", "expected a day without quotes"),
        ("effective_on = 2015-02-30", "not TOML"),
        ("fetched_at = 2026-03-01T10:15:00", "expected a time with its zone"),
        ("fetched_at = 2026-03-01", "expected a time with its zone"),
        ("status = true", "expected an HTTP status"),
        ("status = 99", "expected an HTTP status"),
        ("sha256 = 'abc'", "expected 64 hexadecimal digits"),
        ("address = 'javascript:alert(1)'", "expected an http or https address"),
        ("address = 'https://me:secret@example.com/'", "expected an http or https address"),
        ("final_address = 'example.com'", "expected an http or https address"),
        ("language = 'english'", "expected a BCP 47 tag"),
    ],
)
def test_what_is_wrong_is_told_with_the_files_name(tmp_path: Path, text: str | bytes, words: str) -> None:
    policy = written(tmp_path, text)
    with pytest.raises(SidecarError) as told:
        read_sidecar(policy)
    assert str(told.value).startswith(f"{sidecar_path(policy)}: ")
    assert words in str(told.value)
    assert isinstance(told.value, PolicyError)


def test_a_sidecar_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    policy = tmp_path / "privacy.html"
    sidecar_path(policy).mkdir()
    with pytest.raises(SidecarError, match="make the sidecar readable"):
        read_sidecar(policy)


def test_the_day_is_the_archives_or_else_the_fetchs() -> None:
    fetched = datetime(2026, 3, 1, tzinfo=UTC)
    assert [
        Sidecar(fetched_at=fetched, archived_on=date(2015, 3, 20)).day,
        Sidecar(fetched_at=fetched).day,
        Sidecar().day,
    ] == [date(2015, 3, 20), date(2026, 3, 1), None]


def test_a_sidecar_is_told_from_a_policy_by_its_name() -> None:
    names = ["privacy.html.meta.toml", "PRIVACY.HTML.META.TOML", "privacy.html", "companies.toml", "meta.toml"]
    assert [is_sidecar(Path(name)) for name in names] == [True, True, False, False, False]
