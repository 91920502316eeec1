"""Files become policies, and bad ones are told by name."""

import os
from datetime import date
from pathlib import Path

import pytest

from index.errors import EmptyPolicy, NotText, PolicyError, UnreadablePolicy
from index.sources.files import parse_policy_text, policy_paths, read_policy_file

HEADER = (
    "> *The following text is extracted and transformed from the {} privacy policy that was archived on 2015-03-20. "
    "Please check the [original snapshot on the Wayback Machine]({}) for the most accurate reproduction.*\n\n"
)
BODY = "We keep your data for as long as we need it.\n"


def test_a_header_tells_domain_day_and_snapshot():
    file = parse_policy_text(HEADER.format("jivochat.com", "https://web.archive.org/x") + BODY, path="a.txt")
    assert (file.named, file.archived_on, file.source_url) == (
        "jivochat.com",
        date(2015, 3, 20),
        "https://web.archive.org/x",
    )


@pytest.mark.parametrize(
    "day", ["2015-03-20", "20.03.2015", "20. März 2015", "Mar. 20, 2015", "March 20th, 2015", "20 mars 2015"]
)
def test_a_header_tells_its_day_in_any_form(day: str):
    header = HEADER.replace("2015-03-20", day).format("a.com", "https://a.b/c")
    file = parse_policy_text(header + BODY, path="a.md")
    assert (file.archived_on, file.source_url) == (date(2015, 3, 20), "https://a.b/c")
    alone = parse_policy_text(f"{header.partition(' Please')[0]}*\n\n{BODY}", path="a.md")
    assert (alone.named, alone.archived_on) == ("a.com", date(2015, 3, 20))


def test_a_header_may_name_a_company_with_spaces():
    assert parse_policy_text(HEADER.format("A Mighty Girl", "https://a.b/c") + BODY, path="a").named == "A Mighty Girl"


def test_the_body_begins_behind_the_header():
    file = parse_policy_text(HEADER.format("a.com", "https://a.b/c") + BODY, path="a")
    assert file.text[file.body_start :].strip() == BODY.strip()


def test_a_file_without_header_is_named_by_nobody():
    file = parse_policy_text(BODY, path="a")
    assert (file.named, file.archived_on, file.source_url, file.body_start) == (None, None, None, 0)


def test_a_script_address_in_the_header_is_no_link():
    assert parse_policy_text(HEADER.format("a.com", "javascript:alert(1)") + BODY, path="a").source_url is None


def test_an_impossible_day_is_no_date():
    text = (HEADER.format("a.com", "https://a.b/c") + BODY).replace("2015-03-20", "2015-13-40")
    assert parse_policy_text(text, path="a").archived_on is None


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"caf\xe9 policy", NotText, "not UTF-8"),
        (b"\x7fELF\0\0\0", NotText, "binary"),
        (b"", EmptyPolicy, "empty"),
        (b" \n\t\n", EmptyPolicy, "empty"),
        ((HEADER.format("a.com", "https://a.b") + "\n").encode(), EmptyPolicy, "empty"),
    ],
)
def test_a_bad_file_is_told_by_name_with_what_to_do(
    tmp_path: Path, content: bytes, error: type[PolicyError], said: str
):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(error, match=said) as raised:
        read_policy_file(path)
    assert str(path) in str(raised.value)
    assert ";" in str(raised.value)  # the second half says what to do


def test_a_pipe_is_no_policy(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(UnreadablePolicy, match="not a regular file"):
        read_policy_file(tmp_path / "pipe.txt")


def test_a_folder_gives_its_files_in_order_and_nothing_hidden(tmp_path: Path):
    for name in ("b.txt", "a.md", "c.pdf", ".d.md", "sub/e.markdown", ".git/f.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(BODY)
    found = [path.relative_to(tmp_path).as_posix() for path in policy_paths([tmp_path]) if isinstance(path, Path)]
    assert found == ["a.md", "b.txt", "c.pdf", "sub/e.markdown"]


def test_every_other_file_of_a_folder_is_named_with_the_reason(tmp_path: Path):
    for name in ("a.md", "b.rst", "logo.png", "README.md", "companies.toml", "a.md.meta.toml", "POLICY", "acme.com"):
        (tmp_path / name).write_text(BODY)
    found = list(policy_paths([tmp_path]))
    assert [path.name for path in found if isinstance(path, Path)] == ["POLICY", "a.md", "acme.com"]
    left_out = sorted(str(error).split(":")[0].rpartition("/")[2] for error in found if isinstance(error, PolicyError))
    assert left_out == ["README.md", "b.rst", "logo.png"]


def test_links_that_lead_in_a_circle_end(tmp_path: Path):
    (tmp_path / "a.md").write_text(BODY)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [path.name for path in policy_paths([tmp_path]) if isinstance(path, Path)] == ["a.md"]


def test_a_file_given_twice_is_read_once(tmp_path: Path):
    (tmp_path / "a.md").write_text(BODY)
    assert len(list(policy_paths([tmp_path / "a.md", tmp_path]))) == 1


def test_a_missing_path_comes_back_as_its_error(tmp_path: Path):
    (found,) = policy_paths([tmp_path / "nowhere"])
    assert isinstance(found, UnreadablePolicy)
    assert "nowhere" in str(found)


def test_windows_line_ends_and_byte_order_marks_stay_in_the_text(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes("\ufeffOne line.\r\nAnother line.\r\n".encode())
    file = read_policy_file(tmp_path / "a.txt")
    assert file.text == "\ufeffOne line.\r\nAnother line.\r\n"
    assert file.body_start == 1
