"""Alerts: a monitor that changes its state is told once, to a file, a webhook and by mail.

What is watched is in `monitors`; where alerts go is in the settings. A receiver that does not answer is
tried again, logged and then left: nothing here stops a report.
"""

from __future__ import annotations

import json
import logging
import smtplib
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from cxm import store
from cxm.errors import CxmError
from cxm.settings import Settings
from cxm.workspace import Workspace
from reports.monitors import MonitorState
from reports.periods import choose_period

log = logging.getLogger(__name__)

_SIGNS = {"ok": "recovered", "warn": "warns", "fail": "fails"}
_TRIES, _FIRST_PAUSE, _TIMEOUT = 3, 0.5, 10.0


@dataclass(frozen=True)
class Alert:
    """A monitor whose state is another than when it was last told."""

    name: str
    previous: str
    state: str
    text: str


def find_alerts(states: Iterable[MonitorState], told: dict[str, str]) -> list[Alert]:
    """The changes since `told` (name to state; a monitor not in it was ok). No data changes nothing."""
    alerts = []
    for state in states:
        name, previous = state.monitor.name, told.get(state.monitor.name, "ok")
        if state.value is None or state.state == previous:
            continue
        limit = state.monitor.warn if state.state != "fail" else state.monitor.fail
        text = f"{name} {_SIGNS[state.state]}: {state.value:.4g}, limit {limit:g} ({previous} before)"
        alerts.append(Alert(name, previous, state.state, text))
    return alerts


def tell_changes(
    states: Iterable[MonitorState],
    workspace: Workspace,
    week: str | None,
    settings: Settings,
    pause: float = _FIRST_PAUSE,
) -> list[Alert]:
    """Tell what changed since the last time for this data directory and remember it; returns the alerts.

    Nothing changes by a look at a `week` that is over and reported. Alerts are remembered in
    `<out>/alert_states.json` before they are sent, so that a run that is killed does not tell them twice.
    """
    if week is not None and week != choose_period(workspace, None)[0]:
        return []
    states, source, path = list(states), str(workspace.data), workspace.out / "alert_states.json"
    with workspace.hold(on_wait=log.info):
        told = _remembered(path).get(source, {})
        alerts = find_alerts(states, told)
        now = told | {state.monitor.name: state.state for state in states if state.value is not None}
        if now != told:
            everything = _remembered(path) | {source: now}
            with store.atomic_path(path) as temporary:
                temporary.write_text(
                    json.dumps(everything, indent=2, sort_keys=True) + "\n", encoding="utf-8"
                )
    if alerts:
        _send(alerts, source, settings, pause)
    return alerts


def _remembered(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _send(alerts: list[Alert], source: str, settings: Settings, pause: float) -> None:
    title = f"{len(alerts)} monitor{'s' if len(alerts) > 1 else ''} changed: {Path(source).name}"
    lines = [alert.text for alert in alerts]
    if settings.alert_file:
        _try("the alert file", lambda: _append(settings.alert_file, lines), pause)
    webhook = settings.alert_webhook.get_secret_value()
    if webhook:
        # The address is a secret: what is logged names its host only.
        _try(f"the webhook at {urlsplit(webhook).hostname}", lambda: _post(webhook, title, lines), pause)
    if settings.alert_mail_to:
        _try(f"the mail server {settings.alert_smtp}", lambda: _mail(settings, title, lines), pause)


def _try(what: str, action: Callable[[], None], pause: float) -> None:
    for attempt in range(_TRIES):
        try:
            action()
        except (OSError, ValueError, smtplib.SMTPException, CxmError) as error:
            log.warning(
                "alerts: %s did not take it (%s), try %d of %d",
                what,
                type(error).__name__,
                attempt + 1,
                _TRIES,
            )
            if attempt + 1 < _TRIES:
                time.sleep(pause * 2**attempt)
        else:
            return


def _append(path: Path | None, lines: list[str]) -> None:
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _post(url: str, title: str, lines: list[str]) -> None:
    """Slack-compatible JSON, `{"text": ...}`."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise CxmError("CXM_ALERT_WEBHOOK is no http address")
    body = json.dumps({"text": "\n".join([title, *lines])}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - checked above
        pass


def _mail(settings: Settings, title: str, lines: list[str]) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        title,
        settings.alert_mail_from,
        settings.alert_mail_to,
    )
    message.set_content("\n".join(lines) + "\n")
    host, _, port = settings.alert_smtp.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=_TIMEOUT) as server:
        if server.has_extn("starttls"):
            server.starttls()
        password = settings.alert_smtp_password.get_secret_value()
        if password:
            server.login(settings.alert_smtp_user, password)
        server.send_message(message)
