"""Calling the command line, with the encoder of the plumbing tests."""

import pytest

from cxm.cli import main


@pytest.fixture
def cxm(monkeypatch, capsys, tmp_path):
    """Calls the command line in this process; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def offline(monkeypatch):
    """The encoder of the plumbing tests, everywhere."""
    from cxm import workspace
    from cxm.backends.encoder import HashingEncoder

    monkeypatch.setattr(workspace, "SentenceTransformerEncoder", lambda name: HashingEncoder())
