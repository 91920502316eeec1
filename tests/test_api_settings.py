"""Settings, the sample index and the table of problems."""

import inspect
import threading
from dataclasses import fields
from pathlib import Path

import pytest

from api.command.cli import serve as serve_command
from api.serving.sample import open_sample_index, sample_folder
from api.settings import BadSetting, Settings, flag, settings_table, variable
from api.wire.problems import KIND_OF_ERROR, kind_of
from index import errors
from index.policy_index import PolicyIndex
from tests.conftest import ROOT
from tests.tiny import TinyEmbedder


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


def test_an_empty_value_counts_as_none() -> None:
    assert Settings.from_environment({"ASKPOLICY_INDEX": "", "ASKPOLICY_PORT": "", "ASKPOLICY_HOST": ""}) == Settings()


OTHERS = Settings(
    index=Path("some/index"),
    model="some/model",
    reader="some/reader",
    calibration=Path("fitted.json"),
    host="::1",
    port=0,
    workers=3,
    keys=Path("some/keys.json"),
    uploads=Path("some/uploads"),
    open_to_all=True,
    page_token="askpolicy_public_x",
    origins=("https://shop.example", "http://localhost:8080"),
    hosts=("policies.example",),
    proxies=("10.0.0.0/8", "::1/128"),
    rate_per_key="0",
    rate_per_address="5/second",
    rate_per_visitor="7/minute",
    rate_per_token="70/minute",
    rate_storage="redis://localhost:6379",
    max_body_bytes=1_024,
    max_connections=10,
    max_running=1,
    max_waiting=5,
    answer_timeout_s=0.5,
    read_timeout_s=2.0,
    keep_alive_s=1,
    stop_timeout_s=2,
    watch_s=0.1,
    log_format="json",
    log_level="error",
    log_questions=True,
    audit_log=Path("some/audit.jsonl"),
    audit_questions=True,
    audit_addresses=True,
    audit_max_bytes=0,
    audit_files=1,
    traces="http://localhost:4318",
)


def test_every_setting_is_read_from_its_variable_and_written_to_it() -> None:
    assert [each.name for each in fields(Settings) if getattr(OTHERS, each.name) == each.default] == []
    environment = OTHERS.as_environment()
    assert sorted(environment) == sorted(f"ASKPOLICY_{each.name.upper()}" for each in fields(Settings))
    assert Settings.from_environment(environment) == OTHERS


def test_every_setting_is_a_flag_of_serve_with_the_same_values() -> None:
    flags = []
    for each in fields(Settings):
        value = OTHERS.as_environment()[variable(each)]
        flags += [flag(each)] if value == "True" else [flag(each), value]
    with serve_command.make_context("serve", flags) as context:
        assert Settings(**context.params) == OTHERS


@pytest.mark.parametrize("value", ["eighty", "-1", "65536", "8e3", "٣", "9" * 5_000, " 80", "8_000"])
def test_a_port_that_is_none_is_told_by_its_variable(value: str) -> None:
    with pytest.raises(BadSetting, match="ASKPOLICY_PORT"):
        Settings.from_environment({"ASKPOLICY_PORT": value})


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ASKPOLICY_ORIGINS", "https://shop.example/path", "expected one such as https://shop.example"),
        ("ASKPOLICY_ORIGINS", "*", "expected one such as"),
        ("ASKPOLICY_ORIGINS", "null", "expected one such as"),
        ("ASKPOLICY_ORIGINS", "https://shop.example:99999", "expected one such as"),
        ("ASKPOLICY_PROXIES", "everybody", "no network"),
        ("ASKPOLICY_HOSTS", "two words", "is no host"),
        ("ASKPOLICY_RATE_PER_KEY", "often", "is no rate"),
        ("ASKPOLICY_LOG_FORMAT", "xml", "'text', 'json'"),
        ("ASKPOLICY_LOG_QUESTIONS", "perhaps", "is not a valid boolean"),
        ("ASKPOLICY_TRACES", "localhost:4318", "no address of a collector"),
        ("ASKPOLICY_ANSWER_TIMEOUT_S", "nan", "ASKPOLICY_ANSWER_TIMEOUT_S"),
        ("ASKPOLICY_WATCH_S", "0", "range"),
        ("ASKPOLICY_WORKERS", "0", "range"),
    ],
)
def test_a_wrong_value_is_told_by_its_variable_and_with_what_is_expected(
    variable: str, value: str, expected: str
) -> None:
    with pytest.raises(BadSetting) as raised:
        Settings.from_environment({variable: value})
    assert variable in str(raised.value)
    assert expected in str(raised.value)


def test_an_origin_is_kept_as_browsers_send_it() -> None:
    found = Settings.from_environment({"ASKPOLICY_ORIGINS": "https://Shop.example:443/, http://[::1]:8080"})
    assert found.origins == ("https://shop.example", "http://[::1]:8080")


def test_a_network_of_proxies_may_be_written_loosely() -> None:
    assert Settings.from_environment({"ASKPOLICY_PROXIES": "10.0.0.5/8,::1"}).proxies == ("10.0.0.0/8", "::1/128")


def test_the_table_of_settings_in_the_readme_is_true() -> None:
    assert settings_table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_nothing_else_reads_the_environment() -> None:
    # what others' libraries read there is told in the module's docstring
    allowed = {"settings.py", "cli.py", "worker.py", "server.py", "metrics.py"}
    readers = {path.name for path in (ROOT / "api").glob("*.py") if "environ" in path.read_text(encoding="utf-8")}
    assert readers <= allowed


def test_every_error_that_a_person_can_cause_has_a_kind_of_problem() -> None:
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]
    assert [
        cls.__name__
        for cls in classes
        if not any(base in KIND_OF_ERROR for base in cls.__mro__[: -len(Exception.__mro__)])
    ] == []


def test_no_two_kinds_of_problem_share_a_type() -> None:
    kinds = set(KIND_OF_ERROR.values())
    assert len({kind.type for kind in kinds}) == len(kinds)


def test_an_error_without_a_kind_of_its_own_has_that_of_the_class_above_it() -> None:
    assert kind_of(errors.NotText("x")) is KIND_OF_ERROR[errors.PolicyError]


def test_the_sample_index_is_built_once_and_then_opened(tmp_path: Path) -> None:
    versions = [
        open_sample_index(
            TinyEmbedder(), folder=tmp_path, progress=lambda stage, done, all_of_it: None
        ).manifest.version
        for _ in range(2)
    ]
    assert versions[0] == versions[1]


def test_a_damaged_sample_index_is_built_again(tmp_path: Path) -> None:
    first = open_sample_index(TinyEmbedder(), folder=tmp_path, progress=lambda stage, done, all_of_it: None)
    (tmp_path / "versions" / first.manifest.version / "passages.jsonl").write_text("", encoding="utf-8")
    second = open_sample_index(TinyEmbedder(), folder=tmp_path, progress=lambda stage, done, all_of_it: None)
    assert len(second.passages) == len(first.passages)


def test_two_first_starts_at_once_both_get_a_whole_index(tmp_path: Path) -> None:
    opened: list[PolicyIndex] = []

    def start() -> None:
        opened.append(open_sample_index(TinyEmbedder(), folder=tmp_path, progress=lambda stage, done, all_of_it: None))

    starters = [threading.Thread(target=start) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert [len(index.policies) for index in opened] == [5, 5, 5]


def test_another_model_has_another_sample_folder() -> None:
    assert sample_folder(TinyEmbedder("one")) != sample_folder(TinyEmbedder("two"))
