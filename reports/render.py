"""The report as one self-contained page.

Everything is put in words here or earlier; the template only places it. All texts go through
Jinja's autoescape; only charts made by `figures` and our own style sheet are taken as they are.
The same figures for programs are in `records`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cxm.metrics import METRICS, is_of_a_part
from reports import periods, words
from reports.drift import REFERENCE_WEEKS, Drift, Expectation
from reports.embedding_drift import EmbeddingDrift
from reports.figures import draw_sparkline
from reports.kpi import TIME_ZONE, Kpi, Reading
from reports.kpis import KPIS
from reports.monitors import Monitor, MonitorState
from reports.report import Report, TaskReport
from reports.sections.section import metric_label, metric_value

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_WEEKS = 26
_STATE_SIGNS = {"ok": "✓", "warn": "!", "fail": "✕", "no data": "–"}


def render_html(report: Report, made_at: str) -> str:
    """The page; its policy allows no network, no script and no style but its own."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    lists, links = _number_lists(report)
    targets = _targets(report, links)
    page = environment.get_template("report.html.jinja").render(
        style=Markup(style),  # noqa: S704 - our own file
        style_digest=_digest(style),
        script=Markup(script),  # noqa: S704 - our own file
        script_digest=_digest(script),
        lists=lists,
        links=links,
        transcripts=report.transcripts,
        transcript_ids={talk.conversation_id: i for i, talk in enumerate(report.transcripts)},
        report=report,
        run=[task for task in report.tasks if task.story],
        not_run=[task for task in report.tasks if not task.story],
        title=words.excerpt(report.name, 80),
        when=_say_period(report),
        span=_say_span(report),
        basis=_say_basis(report),
        kpis=[_kpi_card(reading, report) for reading in report.kpis.readings],
        definitions=[
            (kpi.name, kpi.label, [text for _, text in _definition(kpi)])
            for kpi in KPIS
            if kpi.name in {reading.kpi.name for reading in report.kpis.readings}
        ],
        absent=[_absent_row(kpi.label, missing, report.period) for kpi, missing in report.kpis.absent],
        monitors=[_monitor_row(state, targets) for state in report.monitors if state.value is not None],
        idle=[words.readable(s.monitor.name) for s in report.monitors if s.value is None],
        drift=[_drift_row(drift) for drift in report.drift],
        expectations=[_expectation_row(expectation) for expectation in report.expectations],
        embeddings=_say_embeddings(report.embedding_drift),
        reference_weeks=REFERENCE_WEEKS,
        count_states=_count_states(report.monitors),
        scores={task.task.name: _score_rows(task) for task in report.tasks},
        origins=[_origin(task) for task in report.tasks if task.manifest],
        made_at=made_at,
        integer=words.integer,
        plural=words.plural,
        readable=words.readable,
        clean=words.clean,
    )
    return page if page.endswith("\n") else page + "\n"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _number_lists(report: Report) -> tuple[dict[str, list[dict[str, Any]]], dict[tuple[str, str], str]]:
    """The lists of each section, and the anchor of each by section and label.

    Anchors are numbers: nothing from data stands in an attribute.
    """
    places = {talk.conversation_id: i for i, talk in enumerate(report.transcripts)}
    lists: dict[str, list[dict[str, Any]]] = {}
    links: dict[tuple[str, str], str] = {}
    for i, listing in enumerate(report.lists):
        shown = [
            (place, words.key(id_))
            for id_ in listing.ids
            if (place := places.get(words.key(id_))) is not None
        ]
        if not shown:
            continue
        label, n_all = words.excerpt(listing.label, 80), words.plural(listing.n_total, "conversation")
        row = {
            "anchor": f"list-{i}",
            "label": label,
            "shown": shown,
            "said": f"{words.integer(len(shown))} of {n_all}, {listing.order}",
            "file": listing.file,
        }
        lists.setdefault(listing.section, []).append(row)
        links.setdefault((listing.section, listing.label), f"list-{i}")
    return lists, links


def _targets(report: Report, links: dict[tuple[str, str], str]) -> dict[str, str]:
    """Where the figure of a monitor is shown: the conversations behind it, its card, or its section."""
    targets = {report_.task.name: report_.task.name for report_ in report.tasks if report_.story}
    for reading in report.kpis.readings:
        name = reading.kpi.name
        targets[name] = links.get(("kpis", reading.kpi.label), f"card-{name}")
    return targets | {table.name: "data" for table in report.tables}


def _say_period(report: Report) -> str:
    if report.period is None:
        return "no dates in the data"
    text = f"week {report.period}, {periods.days_of(report.period)}"
    if report.span and not periods.is_complete(report.period, report.span[1]):
        text += f" (the data ends on {periods.day(report.span[1])})"
    return text


def _say_span(report: Report) -> str:
    if report.span is None:
        return ""
    first, last = (periods.day(moment) for moment in report.span)
    return f"on {first}" if first == last else f"from {first} to {last}"


def _say_basis(report: Report) -> str:
    counts = [
        words.plural(t.n_rows, words.readable(t.name).rstrip("s")) for t in report.tables if _is_thing(t.name)
    ]
    return words.listed(counts)


def _is_thing(table: str) -> bool:
    return table in ("conversations", "turns", "articles", "customers", "transactions")


def _kpi_card(reading: Reading, report: Report) -> dict[str, Any]:
    kpi = reading.kpi

    def say(value: float) -> str:
        return words.quantity(value, kpi.unit, reading.n, report.currency)

    course = reading.course[-_MOST_WEEKS:]
    card = {
        "name": kpi.name,
        "label": kpi.label,
        "value": say(reading.value),
        "n": words.counted(reading.n),
        "of": "" if reading.period == report.period else f"of {reading.period}, the last week old enough",
        "interval": "",
        "previous": "",
        "change": "",
        "judged": "",
        "usual": "" if reading.reference is None else say(reading.reference),
        "level": "",
        "sparkline": draw_sparkline(f"spark-{kpi.name}", course, reading.reference),
        "n_weeks": len(course),
        "definition": " ".join(f"{label}: {text.rstrip('.')}." for label, text in _definition(kpi)),
    }
    if kpi.name == "contacts" and report.volume and report.volume.n_days == 7:
        card["usual"] = f"{say(report.volume.low)} to {say(report.volume.high)}, day of week allowed for"
    level = next((level for level in report.levels if level.name == kpi.name), None)
    if level:
        card["level"] = f"since {level.since} {say(level.after)}, before {say(level.before)}"
    if reading.low is not None and reading.high is not None:
        card["interval"] = f"{say(reading.low)} to {say(reading.high)}"
    if reading.previous is not None:
        card["previous"] = say(reading.previous)
        card["change"] = words.difference(reading.value, reading.previous, kpi.unit)
        if reading.is_changed:
            card["judged"] = {True: "better", False: "worse", None: "changed"}[reading.is_better]
        else:
            card["judged"] = "within chance"
    return card


def _definition(kpi: Kpi) -> list[tuple[str, str]]:
    """(label, text) of each part of a definition."""
    return [
        ("Definition", kpi.definition),
        ("Numerator", kpi.numerator),
        ("Denominator", kpi.denominator),
        ("Window", kpi.window),
        ("Time zone", TIME_ZONE),
    ]


def _absent_row(label: str, missing: list[str], period: str | None) -> tuple[str, str]:
    if not missing:
        return label, f"nothing to count in {period}" if period else "nothing to count"
    said = []
    for need in missing:
        table, _, column = need.partition(".")
        said.append(f"column {column} of table {table}" if column else f"table {table}")
    return label, words.listed(said)


def _say_value(monitor: Monitor, value: float) -> str:
    if monitor.kind == "rows":
        return words.plural(round(value), "row")
    name = monitor.figure.rpartition("." if monitor.kind in ("score", "gain") else ":")[2]
    if monitor.kind == "kpi":
        unit = next((kpi.unit for kpi in KPIS if kpi.name == name), "score")
        return words.quantity(value, unit)
    if monitor.kind == "gain":
        is_share = name in METRICS and METRICS[name].doc.startswith("Share")
        return words.points(value) if is_share else words.signed(value, 3)
    return metric_value(name, value)


def _monitor_row(state: MonitorState, targets: dict[str, str]) -> dict[str, str]:
    monitor = state.monitor
    assert state.value is not None
    side = "under" if monitor.bad == "below" else "over"
    limits = [
        f"{word} {side} {_say_value(monitor, limit)}"
        for word, limit in (("warns", monitor.warn), ("fails", monitor.fail))
        if word == "fails" or monitor.warn != monitor.fail
    ]
    return {
        "state": state.state,
        "css": state.state.replace(" ", "-"),
        "sign": _STATE_SIGNS[state.state],
        "name": words.sentence_case(words.readable(monitor.name)),
        "target": targets.get(monitor.figure.partition(":")[2].partition(".")[0], ""),
        "value": _say_value(monitor, state.value),
        "limits": ", ".join(limits),
        "doc": monitor.doc,
    }


def _drift_row(drift: Drift) -> dict[str, str]:
    what, now, before = drift.most
    return {
        "state": drift.state,
        "sign": _STATE_SIGNS[drift.state],
        "label": words.sentence_case(drift.label),
        "psi": words.decimal(drift.psi),
        "noise": words.decimal(drift.noise),
        "js": words.decimal(drift.js_distance),
        "q": words.p_value(drift.q_value).partition("\u00a0")[2].removeprefix("=\u00a0"),
        "moved": f"{words.excerpt(words.readable(what), 60)}: {words.percent(before)} → {words.percent(now)}",
        "n": f"{words.integer(drift.n)} / {words.integer(drift.n_reference)}",
    }


def _say_embeddings(drift: EmbeddingDrift | None) -> dict[str, str]:
    """State and sentence on the vectors of what customers write; empty where there are none."""
    if drift is None:
        return {}
    text = (
        f"What customers write first, as vectors: {words.integer(drift.n)} texts of the week against "
        f"{words.integer(drift.n_reference)} before, maximum mean discrepancy "
        f"{words.decimal(drift.mmd, 4)} ({words.p_value(drift.p_value)})"
    )
    return {"state": drift.state, "sign": _STATE_SIGNS[drift.state], "text": text}


def _expectation_row(expectation: Expectation) -> dict[str, str]:
    def say(value: float | None) -> str:
        return "–" if value is None else words.percent(value, 1000)

    return {
        "task": words.sentence_case(words.readable(expectation.task)),
        "expected": say(expectation.expected),
        "before": say(expectation.expected_before),
        "measured": say(expectation.measured),
        "until": expectation.labelled_until or "–",
        "n": f"{words.integer(expectation.n)} / {words.integer(expectation.n_measured)}",
    }


def _count_states(states: list[MonitorState]) -> list[tuple[str, str, int]]:
    counts = [
        (name, _STATE_SIGNS[name], sum(s.state == name for s in states)) for name in ("fail", "warn", "ok")
    ]
    return [row for row in counts if row[2]]


def _score_rows(task: TaskReport) -> list[dict[str, str]]:
    """The scores of all rows; those of parts of them stand in the section's tables."""
    return [_score_row(score) for score in task.scores if not is_of_a_part(score["metric"])]


def _score_row(score: dict[str, Any]) -> dict[str, str]:
    metric = score["metric"]
    interval = "–"
    if score["low"] is not None and score["high"] is not None:
        interval = f"{metric_value(metric, score['low'])} to {metric_value(metric, score['high'])}"
    return {
        "label": metric_label(metric),
        "doc": METRICS[metric].doc if metric in METRICS else "",
        "value": metric_value(metric, score["value"]),
        "interval": interval,
        "baseline": metric_value(metric, score["baseline"]),
        "n": words.integer(score["n"]),
    }


def _origin(task: TaskReport) -> dict[str, str]:
    manifest = task.manifest or {}
    params = manifest.get("params", {})
    n_train = manifest.get("n_train", 0)
    return {
        "title": task.task.title,
        "labels": words.plural(n_train, "labelled row") if n_train else "no labels",
        "params": ", ".join(
            f"{name}\u00a0=\u00a0{json.dumps(value)}" for name, value in sorted(params.items())
        ),
        "data_hash": words.clean(str(manifest.get("data_hash", "–"))),
        "encoder": words.excerpt(str(manifest.get("encoder", "–")), 40),
        "version": words.clean(str(manifest.get("version", "–"))),
    }
