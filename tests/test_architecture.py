"""The rooms and who may look into which, read from the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ["cxm", "synth", "reports", "assets"]
# A module imports only what stands to its left (itself included).
ROOMS = [
    "errors", "entry", "settings", "prompts", "tables", "metrics", "locks", "store", "stamp", "importers", "backends", "methods",
    "index", "task", "workspace", "runs", "tasks", "cli",
]  # fmt: skip
MAX_LINES = 400
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_to_its_left(path):
    name = name_of(path)
    imported = imports_of(path)
    package = name.split(".")[0]
    allowed = {"cxm": ["cxm"], "synth": ["cxm", "synth"], "reports": ["cxm", "reports"], "assets": PACKAGES}
    for other in PACKAGES:
        if other not in allowed[package]:
            assert not [i for i in imported if is_in(i, other)], f"{name} imports {other}"
    if package == "cxm" and "." in name:
        mine = ROOMS.index(name.split(".")[1])
        for i in imported:
            room = i.split(".")[1] if i.startswith("cxm.") else None
            if room in ROOMS:
                assert ROOMS.index(room) <= mine, f"{name} imports {i}"
    if name.startswith("cxm.methods"):
        outside = [
            i for i in imported for room in ("store", "backends", "importers") if is_in(i, f"cxm.{room}")
        ]
        assert not outside, f"{name} is to know no file and no service, but imports {outside}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_assets_know_dagster(path):
    if not is_in(name_of(path), "assets"):
        assert not [i for i in imports_of(path) if is_in(i, "dagster")]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_begins_with_its_sign_and_stays_small(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring that says what lives here"
    assert len(text.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_read_from_a_file_is_executed(path):
    dangerous = ("pickle", "joblib", "shelve", "marshal", "dill")
    assert not [i for i in imports_of(path) if i.split(".")[0] in dangerous]
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    assert not [f.id for f in calls if isinstance(f, ast.Name) and f.id in ("eval", "exec")]


def test_the_command_line_loads_no_heavy_library():
    heavy = [
        "torch",
        "sentence_transformers",
        "lightgbm",
        "lifelines",
        "openai",
        "sklearn",
        "pandas",
        "polars",
    ]
    script = f"import sys, cxm.cli; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"


def test_the_tasks_load_no_heavy_library():
    heavy = ["torch", "sentence_transformers", "lightgbm", "lifelines", "openai", "sklearn", "tantivy"]
    script = f"import sys, cxm.tasks; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"
