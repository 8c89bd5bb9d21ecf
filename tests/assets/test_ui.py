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

from assets.definitions import build_defs

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
    """Address of a running server with an empty history of its own."""
    home = tmp_path_factory.mktemp("dagster_home")
    shutil.copy(ROOT / "assets" / "dagster.yaml", home)
    log, port = home / "server.log", free_port()
    environment = os.environ | {"DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
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
