from dataclasses import fields
from pathlib import Path

import pytest

from synth import Knobs
from synth.__main__ import main

SMALL = ["--preset", "small", "--conversations", "5", "--customers", "5", "--weeks", "2"]


def test_the_command_writes_a_world_and_says_where(tmp_path: Path, capsys) -> None:
    out = tmp_path / "world"
    assert main(["--out", str(out), *SMALL]) == 0
    assert (out / "turns.parquet").exists()
    assert (out / "truth.json").exists()
    assert str(out) in capsys.readouterr().out


def test_a_world_without_text_has_contacts_and_no_turns(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "world"), *SMALL, "--no-text"]) == 0
    assert (tmp_path / "world" / "conversations.parquet").exists()
    assert not (tmp_path / "world" / "turns.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--conversations", "0"], "conversations is 0"),
        (["--weeks", "-1"], "weeks is -1"),
        (["--noise", "nan"], "noise is nan"),
        (["--seed", "many"], "--seed"),
        (["--conversatons", "4"], "--conversations"),
        (["surplus"], "surplus"),
        (["--brand", "larkfeld"], "larkfield"),
        (["--preset", "arenas"], "arena"),
        (["--information-articles", "30"], "do not fit"),
        (["--information-articles", "20000"], "larkfield"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(tmp_path: Path, capsys, arguments, words) -> None:
    assert main(["--out", str(tmp_path / "world"), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert words in captured.err
    assert not (tmp_path / "world").exists()


def test_the_folder_has_to_be_named_and_be_one(tmp_path: Path, capsys) -> None:
    assert main([]) == 2
    assert "--out" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_help_explains_every_knob(capsys) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    for name in ["out", "preset", *(field.name for field in fields(Knobs))]:
        assert f"--{name.replace('_', '-')}" in text
