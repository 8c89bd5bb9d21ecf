"""The real web server with the project as `make ui` starts it, seen by headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from assets.__main__ import make_report
from assets.definitions import build_defs
from tests.assets.conftest import MOOD, SPEND, OfflineWorkspace, write_tables

defs = build_defs()
ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STARTS_WITHIN_SECONDS = 120

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}"),
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a running server whose history holds one report, of a week with a failed limit."""
    home = tmp_path_factory.mktemp("dagster_home")
    shutil.copy(ROOT / "assets" / "dagster.yaml", home)
    data = write_tables(home / "data")
    (data / "monitors.toml").write_text(
        """[never_enough]
figure = "rows:conversations"
warn = 1000
fail = 1000
bad = "below"
doc = "A thousand conversations are expected."
"""
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        make_report(OfflineWorkspace(data=str(data), out=str(home / "out")), tasks=(MOOD, SPEND))
    log, port = home / "server.log", free_port()
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "CXM_DATA": str(data),
        "CXM_OUT": str(home / "out"),
        "PYTHONPATH": str(ROOT),
    }
    command = Path(sys.executable).with_name("dagster-webserver")
    arguments = [str(command), "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(f"{address}/server_info", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"the web server did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser.new_page(viewport={"width": 1600, "height": 1000})
        browser.close()


def test_the_asset_graph_shows_every_group_without_a_dialog_or_a_word_to_the_outside(server, page):
    outside = []
    page.on(
        "request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else outside.append(r.url)
    )
    page.goto(f"{server}/asset-groups")
    groups = {spec.group_name for spec in defs.resolve_all_asset_specs()}
    for group in groups:
        page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_text("telemetry").count() == 0
    assert outside == []


def test_an_asset_page_shows_the_question_and_the_columns(server, page):
    spec = next(spec for spec in defs.resolve_all_asset_specs() if spec.key.to_user_string() == "turns")
    page.goto(f"{server}/assets/turns")
    page.get_by_text(spec.description, exact=True).first.wait_for(timeout=60_000)
    page.get_by_text("turn_index", exact=True).first.wait_for(timeout=60_000)


def test_a_report_that_was_made_shows_its_week_its_page_and_plots_of_its_figures(server, page):
    page.goto(f"{server}/assets/report")
    page.get_by_text("2026-W31", exact=True).first.wait_for(timeout=60_000)
    page.get_by_text("report.html").first.wait_for(timeout=60_000)
    page.goto(f"{server}/assets/kpi_history")
    page.get_by_text("Plots", exact=True).first.click(timeout=60_000)
    page.get_by_text("contacts", exact=True).first.wait_for(timeout=60_000)
    assert page.locator("canvas").count() > 0


def test_a_failed_limit_is_a_failed_check_with_its_value(server, page):
    page.goto(f"{server}/assets/conversations?view=checks&checkDetail=never_enough")
    page.get_by_text("fail: A thousand conversations are expected.").first.wait_for(timeout=60_000)
    page.get_by_text("Failed", exact=True).first.wait_for(timeout=60_000)
