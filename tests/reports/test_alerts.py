"""Alerts go out once when a state changes, to real receivers; a dead one stops nothing."""

import json
import logging
import socketserver
import threading
from datetime import UTC, datetime, timedelta

import pytest

from cxm.settings import Settings
from cxm.workspace import Workspace
from reports.alerts import find_alerts, tell_changes
from reports.freshness import measure_silence
from reports.limits import read_monitors
from reports.monitors import Monitor

LIMIT = Monitor("quality", "kpi:quality_score", 0.75, 0.5, "How well.")


def states(value):
    return [LIMIT.check({} if value is None else {"kpi:quality_score": value})]


@pytest.fixture
def tell(tmp_path):
    def told(value, source="data", week=None, **settings):
        (tmp_path / source).mkdir(exist_ok=True)
        workspace = Workspace(tmp_path / source, tmp_path / "out")
        found = tell_changes(states(value), workspace, week, Settings(**settings), pause=0.0)
        return [alert.state for alert in found]

    return told


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a client needs and keeps what it was sent."""

    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails = []


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            command = line[:4].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text.decode())
                self.server.mails.append("".join(lines))
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            if command == b"QUIT":
                return


@pytest.fixture
def mail_server():
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_a_state_is_told_once_when_it_changes(tell):
    assert [tell(v) for v in (0.9, 0.7, 0.7, 0.4, 0.4, 0.8, 0.8)] == [
        [],
        ["warn"],
        [],
        ["fail"],
        [],
        ["ok"],
        [],
    ]


def test_no_data_is_no_change_and_each_data_directory_is_remembered_by_itself(tell):
    assert [tell(v) for v in (0.4, None, 0.4)] == [["fail"], [], []]
    assert tell(0.4, source="other") == ["fail"]


def test_an_alert_says_what_and_from_where_to_where():
    (alert,) = find_alerts(states(0.4), {"quality": "warn"})
    assert alert.text == "quality fails: 0.4, limit 0.5 (warn before)"


def test_a_file_is_appended_to(tell, tmp_path):
    path = tmp_path / "logs" / "alerts.txt"
    tell(0.4, alert_file=path)
    tell(0.9, alert_file=path)
    assert [line.split()[:2] for line in path.read_text().splitlines()] == [
        ["quality", "fails:"],
        ["quality", "recovered:"],
    ]


def test_a_webhook_gets_what_slack_reads(tell, httpserver):
    httpserver.expect_request("/hook", method="POST").respond_with_data("ok")
    tell(0.4, alert_webhook=httpserver.url_for("/hook"))
    ((request, _),) = httpserver.log
    assert request.headers["Content-Type"] == "application/json"
    text = json.loads(request.data)["text"]
    assert text.startswith("1 monitor changed: data")
    assert "quality fails" in text


def test_a_webhook_that_fails_is_tried_again(tell, httpserver):
    httpserver.expect_ordered_request("/hook").respond_with_data("no", status=503)
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    assert tell(0.4, alert_webhook=httpserver.url_for("/hook")) == ["fail"]
    assert [response.status_code for _, response in httpserver.log] == [503, 200]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/secret-token", "ftp://127.0.0.1/secret-token", "nonsense"]
)
def test_a_dead_webhook_is_logged_without_its_secret_and_stops_nothing(tell, caplog, url):
    with caplog.at_level(logging.WARNING):
        assert tell(0.4, alert_webhook=url) == ["fail"]
    assert len(caplog.records) == 3
    assert "secret-token" not in caplog.text


def test_mail_is_sent(tell, mail_server):
    host, port = mail_server.server_address
    tell(0.4, alert_mail_to="ops@example.org", alert_smtp=f"{host}:{port}")
    (mail,) = mail_server.mails
    assert "To: ops@example.org" in mail
    assert "Subject: 1 monitor changed: data" in mail
    assert "quality fails" in mail


def test_a_damaged_memory_is_as_none(tell, tmp_path):
    tell(0.4)
    (tmp_path / "out" / "alert_states.json").write_text("{")
    assert tell(0.4) == ["fail"]


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (5, "warn"), (30, "fail")])
def test_silence_longer_than_usual_is_seen(tmp_path, put_table, hours, state):
    data = tmp_path / "data"
    data.mkdir()
    start = datetime(2026, 7, 20, tzinfo=UTC)
    rows = [
        {"conversation_id": f"c{i:03}", "channel": "chat", "started_at": start + timedelta(hours=2 * i)}
        for i in range(200)
    ]
    put_table(data, "conversations", rows)
    now = rows[-1]["started_at"] + timedelta(hours=hours)
    silence = measure_silence(Workspace(data, tmp_path / "out"), now)
    (freshness,) = [monitor for monitor in read_monitors() if monitor.kind == "fresh"]
    assert freshness.check(silence).state == state


def test_freshness_without_conversations_has_no_data(tmp_path):
    (tmp_path / "data").mkdir()
    assert measure_silence(Workspace(tmp_path / "data", tmp_path / "out"), datetime.now(UTC)) == {}


def test_a_look_at_an_older_week_changes_nothing(tell, put_table, tmp_path):
    (tmp_path / "data").mkdir()
    start = datetime(2026, 7, 20, tzinfo=UTC)
    rows = [
        {"conversation_id": f"c{i:03}", "channel": "chat", "started_at": start + timedelta(days=i)}
        for i in range(30)
    ]
    put_table(tmp_path / "data", "conversations", rows)
    assert tell(0.4, week="2026-W30") == []
    assert tell(0.4, week="2026-W33") == ["fail"]
