import pytest

from synth.knobs import Knobs
from synth.worlds import World, simulate


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(Knobs())
