from pathlib import Path

import pytest

from synth.__main__ import main


def test_the_command_writes_a_world_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "world"
    arguments = ["--out", str(out), "--conversations", "5", "--customers", "5", "--weeks", "2"]
    assert main(arguments) == 0
    assert (out / "turns.parquet").exists()
    assert (out / "truth.json").exists()
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--conversations", "0"], "--conversations 0 is impossible"),
        (["--weeks", "-1"], "--weeks -1 is impossible"),
        (["--seed", "many"], "--seed"),
        (["--conversatons", "4"], "--conversations"),
        (["surplus"], "surplus"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["--out", str(tmp_path / "world"), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert words in captured.err
    assert not (tmp_path / "world").exists()


def test_the_folder_has_to_be_named_and_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--out" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_help_explains_every_knob(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    for knob in ("--out", "--seed", "--conversations", "--customers", "--weeks"):
        assert knob in text
