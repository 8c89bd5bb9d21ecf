"""What an installation holds: `cxm` and nothing that would collide in site-packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_holds_cxm_only_and_all_of_it(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.split("/")[0] for name in names}
    assert [top for top in tops if not top.endswith(".dist-info")] == ["cxm"]
    for path in (ROOT / "cxm").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names


def test_the_version_stands_in_one_place():
    from importlib.metadata import version

    import cxm

    assert version("cxm") == cxm.__version__


def test_git_ignores_no_room():
    rooms = ["cxm", "synth", "reports", "assets", "tests", "benchmarks", "docs"]
    ignored = subprocess.run(
        ["git", "check-ignore", *rooms], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout == ""
