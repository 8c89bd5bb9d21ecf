"""The guide to brand packs shows a pack that works, and tells of every table a pack can have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from synth.knobs import Knobs
from synth.packs import (
    BRANDS,
    About,
    Argument,
    Aspect,
    Criterion,
    FactSpec,
    Family,
    Incident,
    Intent,
    Pack,
    People,
    Plan,
    Problem,
    Property,
    Segment,
    SharedProperty,
    Tool,
    Topic,
)
from synth.worlds import make_world

GUIDE = (Path(__file__).parents[2] / "docs" / "brands.md").read_text(encoding="utf-8")
PARTS: tuple[type[BaseModel], ...] = (
    About,
    People,
    Plan,
    Segment,
    Criterion,
    FactSpec,
    Property,
    SharedProperty,
    Problem,
)
PARTS += (Aspect, Family, Topic, Argument, Tool, Intent, Incident)
FILES = dict(re.findall(r"^```toml (\S+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The guide's files, and the names it says to take from another pack."""
    brand = (BRANDS / "larkfield" / "brand.toml").read_text(encoding="utf-8")
    people = brand[brand.index("[people]") : brand.index("[[plans]]")]
    for name, text in {**FILES, "people.toml": people}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_smallest_pack_of_the_guide_makes_a_world(folder: Path) -> None:
    knobs = Knobs(
        brand=str(folder),
        conversations=60,
        customers=60,
        information_articles=4,
        issue_articles=4,
        tools=2,
        near_duplicates=0,
        copied_passages=0,
        contradictions=0,
    )
    world = make_world(knobs)
    assert world.tables["conversations"].height == 60
    assert world.tables["turns"]["text"].str.contains("city bike").any()


@pytest.mark.parametrize("part", [Pack, *PARTS], ids=lambda part: part.__name__)
def test_the_guide_tells_of_every_table_and_field(part: type[BaseModel]) -> None:
    assert [name for name in part.model_fields if not re.search(rf"`\[*(phrases\.)?{name}\]*`", GUIDE)] == []
