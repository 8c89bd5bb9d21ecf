"""Fixtures every test may use: data directories, an offline encoder, a clean environment."""

from pathlib import Path

import polars as pl
import pytest

from cxm.backends.encoder import HashingEncoder
from cxm.store import write

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def shared_data():
    """Folder of real data; tests that need it skip where it is absent."""

    def folder(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.is_dir():
            pytest.skip(f"real data not there: {path}")
        return path

    return folder


@pytest.fixture
def encoder():
    return HashingEncoder()


@pytest.fixture
def write_tables(tmp_path):
    """Writes frames as tables of a data directory and returns it."""

    def write_all(directory: str = "data", **frames: pl.DataFrame) -> Path:
        path = tmp_path / directory
        path.mkdir(exist_ok=True)
        for name, frame in frames.items():
            write(frame, path, name)
        return path

    return write_all


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory) -> Path:
    """A small simulated brand with every input and gold table; read it, never write to it."""
    from synth import Knobs, write_world

    directory = tmp_path_factory.mktemp("world")
    sizes = {"conversations": 120, "customers": 100, "weeks": 8, "tools": 40}
    articles = {"information_articles": 90, "issue_articles": 40}
    planted = {"near_duplicates": 8, "copied_passages": 6, "contradictions": 8}
    write_world(directory, Knobs(**sizes, **articles, **planted))
    return directory


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def golden(request):
    """Compares a text with a committed file; `--update-golden` writes the file."""

    def compare(text: str, path: Path) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing; run pytest with --update-golden"
        assert text == path.read_text(), f"{path.name} is not up to date; run pytest with --update-golden"

    return compare
