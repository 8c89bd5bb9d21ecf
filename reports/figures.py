"""Charts as static SVG: one function a kind of chart, drawn by altair, made for the page.

Text and lines take the colour of the page (`currentColor`), so a chart reads in light, in dark and
in print; hues are mid-tones that colour-blind readers tell apart and that differ in grey. A new
kind of chart belongs here; what is drawn, and why, belongs in `sections`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports.words import excerpt

BLUE, ORANGE, GREY, TEAL = "#3d7ebf", "#cf7420", "#8d949c", "#2c9c8c"
_WIDTH = 640
_LABEL_WIDTH = 240
_LABEL_LETTERS = 38

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A chart: its SVG, a text that says the same to who cannot see it, and a caption."""

    svg: Markup
    alt: str
    caption: str


def draw_bars(
    name: str, rows: Rows, x_title: str, caption: str, *, is_share: bool = True, previous: str | None = None
) -> Figure:
    """Horizontal bars, in the given order.

    Rows: label, value, text (written at the bar's end) and optionally previous, drawn as a tick and
    named `previous` in the caption.
    """
    alt = _altair()
    rows = _shortened(rows)
    highest = max([max(row["value"], row.get("previous") or 0) for row in rows] or [1])
    base = alt.Chart(alt.Data(values=rows)).encode(y=_labels(alt))
    scale = alt.Scale(domain=[0, highest * 1.18 or 1], nice=False)
    axis = alt.Axis(format="%" if is_share else "~s", tickCount=5)
    bars = base.mark_bar(color=BLUE, height={"band": 0.7}).encode(
        x=alt.X("value:Q", title=x_title, scale=scale, axis=axis)
    )
    texts = base.mark_text(align="left", dx=5, fontSize=12, color="currentColor").encode(
        x=alt.X("end:Q"), text="text:N"
    )
    layers = [bars, texts]
    for row in rows:
        row["end"] = max(row["value"], row.get("previous") or 0)
    if previous and any(row.get("previous") is not None for row in rows):
        caption += f" The line marks {previous}."
        layers.append(
            base.transform_filter("isValid(datum.previous)")
            .mark_tick(color="currentColor", thickness=2, height={"band": 0.9})
            .encode(x="previous:Q")
        )
    chart = alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(24))
    return Figure(_render(chart, name), _said(rows, "text"), caption)


def draw_parts(
    name: str, rows: Rows, parts: Mapping[str, str], x_title: str, caption: str, *, is_vertical: bool = False
) -> Figure:
    """Bars cut into parts that add up to one; `parts` maps each part to its colour, in order.

    Rows: label, part, value (0-1).
    """
    alt = _altair()
    order = list(parts)
    known = [{**row, "order": order.index(row["part"])} for row in rows if row["part"] in parts]
    shown = known if is_vertical else _shortened(known)
    labels = list(dict.fromkeys(row["label"] for row in shown))
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=order, range=list(parts.values())),
        legend=alt.Legend(title=None, orient="top", symbolType="square"),
    )
    share = {"title": x_title, "axis": alt.Axis(format="%", tickCount=5), "scale": alt.Scale(domain=[0, 1])}
    base = alt.Chart(alt.Data(values=shown)).encode(color=colour, order="order:Q")
    if is_vertical:
        chart = base.mark_bar(width={"band": 0.85}).encode(
            x=alt.X("label:N", sort=labels, title=None, axis=alt.Axis(labelAngle=-45, labelOverlap=True)),
            y=alt.Y("value:Q", stack="zero", **share),
        )
        chart = chart.properties(width=_WIDTH, height=200)
    else:
        chart = base.mark_bar(height={"band": 0.7}).encode(
            y=_labels(alt, labels), x=alt.X("value:Q", stack="zero", **share)
        )
        chart = chart.properties(width=_WIDTH, height=alt.Step(26))
    said = [{"label": f"{row['label']}, {row['part']}", "text": f"{row['value']:.0%}"} for row in shown]
    return Figure(_render(chart, name), _said(said, "text"), caption)


def draw_intervals(
    name: str, rows: Rows, x_title: str, caption: str, *, is_log: bool = False, line: float | None = None
) -> Figure:
    """Points with their interval, and optionally a second mark each.

    Rows: label, value, low, high, and optionally baseline, a hollow diamond. `line` is drawn through
    all rows.
    """
    alt = _altair()
    rows = _shortened(rows)
    scale = alt.Scale(type="log", nice=False) if is_log else alt.Scale(zero=False, nice=True)
    base = alt.Chart(alt.Data(values=rows)).encode(y=_labels(alt))
    x = alt.X("value:Q", title=x_title, scale=scale, axis=alt.Axis(format="~g", tickCount=6))
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2, color=BLUE).encode(x=alt.X("low:Q", title=x_title), x2="high:Q"),
        base.mark_point(filled=True, size=70, color=BLUE, opacity=1).encode(x=x),
    ]
    if line is not None:
        rule = alt.Chart(alt.Data(values=[{"at": line}])).mark_rule(strokeDash=[4, 3], color="currentColor")
        layers.insert(0, rule.encode(x=alt.X("at:Q", title=x_title)))
    if any(row.get("baseline") is not None for row in rows):
        layers.append(
            base.transform_filter("isValid(datum.baseline)")
            .mark_point(shape="diamond", size=70, strokeWidth=2, color=ORANGE, opacity=1)
            .encode(x="baseline:Q")
        )
    chart = alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(26))
    said = [{"label": row["label"], "text": f"{row['value']:.3g}"} for row in rows]
    return Figure(_render(chart, name), _said(said, "text"), caption)


def draw_histogram(
    name: str,
    rows: Rows,
    x_title: str,
    y_title: str,
    caption: str,
    *,
    parts: Mapping[str, str] | None = None,
    end: float = 1.0,
) -> Figure:
    """Counts of shares from 0 to `end`. Rows: start, end, n, and part where `parts` gives colours."""
    alt = _altair()
    x = {"axis": alt.Axis(format="%", tickCount=10), "scale": alt.Scale(domain=[0, end])}
    chart = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X("start:Q", title=x_title, bin="binned", **x),
        x2="end:Q",
        y=alt.Y("n:Q", title=y_title, axis=alt.Axis(format=",d", tickCount=5, tickMinStep=1)),
    )
    chart = chart.mark_bar(color=BLUE, binSpacing=1)
    if parts:
        scale = alt.Scale(domain=list(parts), range=list(parts.values()))
        legend = alt.Legend(title=None, orient="top", symbolType="square")
        chart = chart.encode(color=alt.Color("part:N", scale=scale, legend=legend))
    chart = chart.properties(width=_WIDTH, height=200)
    digits = 0 if end > 0.2 else 1
    said = [
        {"label": f"{row['start']:.{digits}%} to {row['end']:.{digits}%}", "text": str(row["n"])}
        for row in rows
    ]
    return Figure(_render(chart, name), _said(said, "text"), caption)


def draw_curves(
    name: str, rows: Rows, x_title: str, y_title: str, caption: str, *, parts: Mapping[str, str] | None = None
) -> Figure:
    """Shares over x. Rows: x, value, low, high, and part where `parts` gives colours.

    With parts: steps and their band. Without: points with their interval, and the diagonal on which x and
    value, both shares, agree.
    """
    alt = _altair()
    share = alt.Axis(format="%", tickCount=6)
    base = alt.Chart(alt.Data(values=list(rows)))
    value = {"axis": share, "title": y_title}
    if parts:
        scale = alt.Scale(domain=list(parts), range=list(parts.values()))
        legend = alt.Legend(title=None, orient="top", symbolType="square")
        base = base.encode(x=alt.X("x:Q", title=x_title, axis=alt.Axis(format=",d", tickCount=8)))
        layers = [
            base.mark_area(opacity=0.3, color=GREY, interpolate="step-after").encode(
                y=alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), **value),
                y2="high:Q",
                detail="part:N",
            ),
            base.mark_line(interpolate="step-after").encode(
                y=alt.Y("value:Q", **value), color=alt.Color("part:N", scale=scale, legend=legend)
            ),
        ]
        last = {row["part"]: row for row in rows}
        said = [{"label": part, "text": f"{row['value']:.0%} at {row['x']:g}"} for part, row in last.items()]
    else:
        top = max([0.01, *(row["x"] for row in rows), *(row["high"] for row in rows)])
        base = base.encode(x=alt.X("x:Q", title=x_title, axis=share))
        corners = alt.Chart(alt.Data(values=[{"x": 0, "value": 0}, {"x": top, "value": top}]))
        layers = [
            corners.mark_line(strokeDash=[4, 3], color=GREY).encode(x="x:Q", y=alt.Y("value:Q", **value)),
            base.mark_rule(strokeWidth=2, color=BLUE).encode(y=alt.Y("low:Q", **value), y2="high:Q"),
            base.mark_point(filled=True, size=70, color=BLUE, opacity=1).encode(y=alt.Y("value:Q", **value)),
        ]
        said = [{"label": f"{row['x']:.1%}", "text": f"{row['value']:.1%}"} for row in rows]
    chart = alt.layer(*layers).properties(width=_WIDTH, height=240)
    return Figure(_render(chart, name), _said(said, "text"), caption)


def draw_sparkline(name: str, course: Sequence[tuple[str, float]], reference: float | None) -> Markup:
    """A small line of (label, value), its last point marked, a thin line at `reference`; no axes.

    Empty with fewer than two values. What it shows has to be said in words beside it.
    """
    if len(course) < 2:
        return Markup("")
    alt = _altair()
    rows = [{"at": i, "value": value, "is_last": i == len(course) - 1} for i, (_, value) in enumerate(course)]
    bare = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None)
    x = alt.X("at:Q", axis=bare, scale=alt.Scale(nice=False, zero=False))
    y = alt.Y("value:Q", axis=bare, scale=alt.Scale(nice=False, zero=False))
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y)
    layers: list[Any] = [
        base.mark_line(color=BLUE, strokeWidth=2),
        base.transform_filter("datum.is_last").mark_point(filled=True, size=50, color=BLUE, opacity=1),
    ]
    if reference is not None:
        rule = alt.Chart(alt.Data(values=[{"at": reference}])).mark_rule(color=GREY, strokeDash=[3, 3])
        layers.insert(0, rule.encode(y=alt.Y("at:Q", axis=bare)))
    return _render(alt.layer(*layers).properties(width=180, height=34), name)


# ------------------------------------------------------------------ drawing


def _altair() -> Any:
    import altair

    return altair


def _labels(alt: Any, order: list[str] | None = None) -> Any:
    axis = alt.Axis(labelLimit=_LABEL_WIDTH, ticks=False, domain=False, labelPadding=8)
    return alt.Y("label:N", sort=order, title=None, axis=axis)


def _shortened(rows: Rows) -> list[dict[str, Any]]:
    """The rows with labels that fit, still one for each different label."""
    short: dict[str, str] = {}
    for label in dict.fromkeys(row["label"] for row in rows):
        cut = excerpt(label, _LABEL_LETTERS)
        n_alike = sum(other.startswith(cut) for other in short.values())
        short[label] = f"{cut} ({n_alike + 1})" if cut in short.values() else cut
    return [{**row, "label": short[row["label"]]} for row in rows]


def _said(rows: Rows, key: str, most: int = 20) -> str:
    parts = [f"{row['label']}: {row[key]}" for row in rows[:most]]
    more = f"; {len(rows) - most} more" if len(rows) > most else ""
    return "; ".join(parts) + more


def _render(chart: Any, name: str) -> Markup:
    import vl_convert
    from altair.utils._importers import vl_version_for_vl_convert

    text = {"labelColor": "currentColor", "titleColor": "currentColor"}
    chart = (
        chart.properties(autosize={"type": "fit-x", "contains": "padding"})
        .configure(aria=False, background="transparent", font="Liberation Sans", padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            **text, labelFontSize=12, titleFontSize=12, titleFontWeight="normal", gridColor=GREY,
            gridOpacity=0.25, domainColor=GREY, tickColor=GREY,
        )
        .configure_legend(labelColor="currentColor", labelFontSize=12, labelLimit=300)
    )  # fmt: skip
    svg = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), vl_version=vl_version_for_vl_convert())
    return Markup(_tidied(svg, name))  # noqa: S704 - Vega escapes the text it draws


def _tidied(svg: str, name: str) -> str:
    """The SVG without size (the page scales it) and with ids that are unique and always the same."""
    ids = list(dict.fromkeys(re.findall(r'<clipPath id="([^"]+)"', svg)))
    for i, old in enumerate(ids):
        new = f"{name}-clip-{i}"
        svg = svg.replace(f'<clipPath id="{old}"', f'<clipPath id="{new}"')
        svg = svg.replace(f'clip-path="url(#{old})"', f'clip-path="url(#{new})"')
    svg = re.sub(r'<(?:path class="(?:back|fore)ground")[^>]*(?:d=""|d="M0,0h0v0h0Z")[^>]*/>', "", svg)
    return re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg \1 aria-hidden="true">', svg, count=1)
