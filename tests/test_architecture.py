"""The import arrows of the design: index <- qa <- api, index <- qa <- eval, and api and eval apart."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "index": {"index"},
    "qa": {"index", "qa"},
    "api": {"index", "qa", "api"},
    "eval": {"index", "qa", "eval"},
}
HEAVY = {"torch", "sentence_transformers", "faiss", "fastapi", "uvicorn", "pydantic", "spellchecker", "bm25s"}


def imported(path: Path, *, at_top: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_top else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_stands_before_it(package: str):
    ours = set(MAY_IMPORT) | {"tests"}
    wrong = {
        path.relative_to(ROOT).as_posix(): imported(path) & ours - MAY_IMPORT[package]
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_command_line_loads_nothing_heavy_to_show_its_help():
    assert imported(ROOT / "api" / "command" / "cli.py", at_top=True) & HEAVY == set()


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_nobody_pickles(package: str):
    picklers = {"pickle", "joblib", "dill", "cloudpickle", "shelve"}
    assert [path.name for path in (ROOT / package).rglob("*.py") if imported(path) & picklers] == []


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_every_module_opens_with_a_docstring(package: str):
    modules = [path for path in (ROOT / package).rglob("*.py") if path.read_text(encoding="utf-8").strip()]
    assert [
        path.name for path in modules if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ] == []
