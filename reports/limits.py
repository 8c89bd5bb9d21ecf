"""The monitors there are: those shipped (`monitors.toml`), with what a user's file changes.

Reading and refusing, one line for whatever is wrong in a file. What a monitor is stands in
`monitors`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cxm.errors import CxmError, did_you_mean
from cxm.metrics import METRICS
from cxm.settings import read_settings
from cxm.tables import TABLES
from cxm.tasks import TASKS
from reports.freshness import FIGURE
from reports.kpis import KPIS
from reports.monitors import KINDS, Monitor

SHIPPED = Path(__file__).with_name("monitors.toml")
FILE = "monitors.toml"
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "figure": ("a text", (str,)),
    "warn": ("a number", (int, float)),
    "fail": ("a number", (int, float)),
    "bad": ('"below" or "above"', (str,)),
    "doc": ("a text", (str,)),
}


def read_monitors(data: Path | None = None) -> tuple[Monitor, ...]:
    """The monitors for a data directory: shipped ones first, then a user's own, each in its file's order.

    The user's file is the one `CXM_MONITORS` names, else `monitors.toml` in the data directory, if
    there is one. Raises `CxmError` for a file that cannot be used.
    """
    path = _user_file(data)
    tables = {name: dict(table) for name, table in _read(SHIPPED).items()}
    changed = _read(path) if path else {}
    for name, table in changed.items():
        tables[name] = tables.get(name, {}) | table
    return tuple(
        _monitor(name, table, path if path and name in changed else SHIPPED)
        for name, table in tables.items()
        if not _is_off(name, table, path)
    )


def _user_file(data: Path | None) -> Path | None:
    named = read_settings().monitors
    if named is not None:
        if not named.is_file():
            raise CxmError(f"no file {named} of monitors; make it or unset CXM_MONITORS")
        return named
    beside = data / FILE if data else None
    return beside if beside and beside.is_file() else None


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CxmError(f"{path} is not TOML: {error}") from None
    except OSError as error:
        raise CxmError(f"{path} cannot be read: {error.strerror}") from None
    for name, table in found.items():
        if not isinstance(table, dict):
            raise CxmError(f"{path}: '{name}' stands outside of a [monitor]; put it under one")
        if not name.isidentifier():
            raise CxmError(f"{path}: [{name}] is no name of letters, digits and _; rename it")
        for key in table:
            if key not in (*_TYPES, "off"):
                raise CxmError(f"{path}: [{name}] has no '{key}'{did_you_mean(key, [*_TYPES, 'off'])}")
    return found


def _is_off(name: str, table: Mapping[str, Any], path: Path | None) -> bool:
    off = table.get("off", False)
    if not isinstance(off, bool):
        raise CxmError(f"{path}: [{name}] off is {off!r}; it is true or false")
    return off


def _monitor(name: str, table: Mapping[str, Any], path: Path) -> Monitor:
    values: dict[str, Any] = {"doc": ""} | {key: value for key, value in table.items() if key != "off"}
    needed = [f.name for f in fields(Monitor) if f.name in ("figure", "warn", "fail")]
    if missing := [key for key in needed if key not in values]:
        raise CxmError(f"{path}: [{name}] lacks {', '.join(missing)}; see {SHIPPED.name}")
    for key, value in values.items():
        words, types = _TYPES[key]
        if not isinstance(value, types) or isinstance(value, bool):
            raise CxmError(f"{path}: [{name}] {key} is {value!r}; it is {words}")
    if values.get("bad", "below") not in ("below", "above"):
        raise CxmError(f"{path}: [{name}] bad is {values['bad']!r}; it is {_TYPES['bad'][0]}")
    _check_figure(name, values["figure"], path)
    try:
        return Monitor(name, **values)
    except ValueError as error:
        raise CxmError(f"{path}: {error}") from None


def _check_figure(name: str, figure: str, path: Path) -> None:
    """Raise `CxmError` if nothing is called so."""
    kind, _, subject = figure.partition(":")
    legal: dict[str, list[str]] = {
        "kpi": [kpi.name for kpi in KPIS],
        "rows": list(TABLES),
        "fresh": [FIGURE.partition(":")[2]],
    }
    if kind in ("score", "gain"):
        scored = [f"{task.name}.{metric}" for task in TASKS for metric in task.metrics if metric in METRICS]
        legal[kind] = scored
    if kind not in legal:
        raise CxmError(f"{path}: [{name}] figure is '{figure}'; it begins with one of {', '.join(KINDS)}")
    if subject not in legal[kind]:
        near = did_you_mean(subject, legal[kind])
        raise CxmError(f"{path}: [{name}] there is no {kind} '{subject}'" + (near if "mean" in near else ""))
