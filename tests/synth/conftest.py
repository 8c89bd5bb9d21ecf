"""A small written world of each brand, shared by the tests of this folder; read it, never write to it."""

from pathlib import Path

import pytest

from synth import PRESETS, Knobs, write_world


@pytest.fixture(scope="session", params=["larkfield", "fennwick"])
def small_world(request, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp(request.param)
    write_world(directory, Knobs(brand=request.param, **PRESETS["small"]))
    return directory
