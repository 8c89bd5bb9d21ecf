"""Two processes at one directory; a killed one leaves it free."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxm import locks

ROOT = Path(__file__).parents[2]
HOLD = (
    "import sys; from pathlib import Path; from cxm import locks\n"
    "with locks.hold(Path(sys.argv[1]), exclusive=sys.argv[2] == 'alone'): print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def another(directory: Path, how: str = "alone"):
    """Another process that holds the directory until it is told to end."""
    command = [sys.executable, "-c", HOLD, str(directory), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.stdin.close()


@pytest.mark.parametrize(("theirs", "ours", "is_refused"), [("alone", True, True), ("alone", False, True), ("shared", True, True), ("shared", False, False)])  # fmt: skip
def test_only_readers_share_a_directory(tmp_path, theirs, ours, is_refused):
    with another(tmp_path, theirs):
        if is_refused:
            with (
                pytest.raises(locks.InUse, match="in use by another run"),
                locks.hold(tmp_path, exclusive=ours),
            ):
                pass
        else:
            with locks.hold(tmp_path, exclusive=ours):
                pass
    with locks.hold(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_the_directory_free(tmp_path):
    with another(tmp_path) as process:
        assert locks.is_held(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not locks.is_held(tmp_path)
        with locks.hold(tmp_path):
            pass


def test_who_waits_is_told_once_and_gets_the_directory_in_the_end(tmp_path):
    said = []
    with another(tmp_path) as process:

        def free(message):
            said.append(message)
            process.stdin.close()

        with locks.hold(tmp_path, on_wait=free):
            pass
    assert said == [f"{tmp_path} is in use by another run; waiting until it has ended"]


def test_what_a_process_holds_it_may_hold_again_and_for_itself_alone(tmp_path):
    with locks.hold(tmp_path, exclusive=False):
        with locks.hold(tmp_path), locks.hold(tmp_path, exclusive=False):
            assert locks.is_held(tmp_path)
        with another(tmp_path.parent, "shared"):
            pass
    assert not locks.is_held(tmp_path)
