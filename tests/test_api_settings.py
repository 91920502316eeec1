"""Settings, the sample index and the table of problems."""

import inspect
import threading
from pathlib import Path

import pytest

from api.problems import KIND_OF_ERROR, kind_of
from api.sample import open_sample_index, sample_folder
from api.settings import BadSetting, Settings
from index import errors
from index.policy_index import PolicyIndex
from tests.tiny import TinyEmbedder


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings(None, None, None, "127.0.0.1", 8_000, 524_288)


def test_an_empty_value_counts_as_none() -> None:
    assert Settings.from_environment({"ASKPOLICY_INDEX": "", "ASKPOLICY_PORT": "", "ASKPOLICY_HOST": ""}) == Settings()


def test_every_setting_is_read_from_its_variable() -> None:
    environment = {
        "ASKPOLICY_INDEX": "some/index",
        "ASKPOLICY_MODEL": "some/model",
        "ASKPOLICY_RERANKER": "some/reranker",
        "ASKPOLICY_HOST": "::1",
        "ASKPOLICY_PORT": "0",
        "ASKPOLICY_MAX_BODY_BYTES": "1024",
    }
    assert Settings.from_environment(environment) == Settings(
        Path("some/index"), "some/model", "some/reranker", "::1", 0, 1_024
    )


@pytest.mark.parametrize("value", ["eighty", "-1", "65536", "8e3", "٣", "9" * 5_000, " 80"])
def test_a_port_that_is_none_is_told_by_its_variable(value: str) -> None:
    with pytest.raises(BadSetting, match="ASKPOLICY_PORT"):
        Settings.from_environment({"ASKPOLICY_PORT": value})


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
