"""`docs/importing.md` shows real output and every key there is."""

import re
import shlex
from pathlib import Path

import pytest

from cxm.importers import import_source
from cxm.importers.mapping import Mapping, Origin, TableMapping, read_mapping

DOC = (Path(__file__).parents[3] / "docs" / "importing.md").read_text()


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The files the guide shows, in the current directory."""
    monkeypatch.chdir(tmp_path)
    for name, body in re.findall(r"```\w+ (\S+)\n(.*?)```", DOC, re.DOTALL):
        Path(name).write_text(body, encoding="latin-1" if name.endswith(".csv") else "utf-8")


def test_the_worked_examples_print_what_the_guide_shows(examples):
    shown = re.findall(r"```console\n\$ (.*?)\n(.*?)\n```", DOC, re.DOTALL)
    assert len(shown) == 2
    for command, output in shown:
        share, _, _, format, source, _, to, _, mapping = shlex.split(command)
        limit = float(share.split("=")[1])
        summary = import_source(format, Path(source), Path(to), Path(mapping), max_bad_share=limit)
        assert str(summary) == output


def test_the_starter_is_a_mapping(tmp_path):
    starter = re.search(r"```toml\n(.*?)```", DOC, re.DOTALL).group(1)
    (tmp_path / "m.toml").write_text(starter)
    assert read_mapping(tmp_path / "m.toml").tables[0].table == "conversations"


def test_every_key_of_a_mapping_is_in_the_guide():
    keys = {*Mapping.model_fields, *TableMapping.model_fields} - {"tables"}
    assert keys <= set(re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE))
    assert all(way in DOC for way in set(Origin.model_fields) - {"source"})
