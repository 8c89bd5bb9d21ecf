import pytest

from cxm.errors import CxmError
from synth.knobs import Knobs


@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        ({"conversations": 0}, "--conversations 0 is impossible: a world without conversations"),
        ({"customers": -3}, "--customers -3 is impossible"),
        ({"weeks": -1}, "--weeks -1 is impossible: contacts need time"),
        ({"seed": -1}, "--seed -1 is impossible"),
    ],
)
def test_impossible_values_are_refused_with_the_reason(knobs: dict[str, int], reason: str) -> None:
    with pytest.raises(CxmError, match=reason):
        Knobs(**knobs)


def test_all_impossible_values_are_named_at_once() -> None:
    with pytest.raises(CxmError, match=r"--conversations 0 .*--weeks 0 "):
        Knobs(conversations=0, weeks=0)
