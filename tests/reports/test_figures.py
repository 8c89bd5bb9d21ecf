import re

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from reports.figures import (
    BLUE,
    GREY,
    ORANGE,
    draw_bars,
    draw_curves,
    draw_histogram,
    draw_intervals,
    draw_parts,
)

BARS = [
    {"label": "late delivery", "value": 0.3, "previous": 0.1, "text": "30 %"},
    {"label": "b", "value": 0.2, "text": "20 %"},
]
PARTS = [{"label": "empathy", "part": "yes", "value": 0.7}, {"label": "empathy", "part": "no", "value": 0.3}]
RATIOS = [{"label": "plan", "value": 2.0, "low": 1.5, "high": 2.5, "baseline": 1.0}]
BINS = [{"start": 0.0, "end": 0.1, "n": 4}, {"start": 0.1, "end": 0.2, "n": 2}]

DRAWN = {
    "bars": lambda: draw_bars("x", BARS, "share", "Caption.", previous="the week before"),
    "parts": lambda: draw_parts("x", PARTS, {"yes": BLUE, "no": ORANGE}, "share", "Caption."),
    "weeks": lambda: draw_parts(
        "x", PARTS, {"yes": BLUE, "no": ORANGE}, "share", "Caption.", is_vertical=True
    ),
    "intervals": lambda: draw_intervals("x", RATIOS, "ratio", "Caption.", is_log=True, line=1.0),
    "histogram": lambda: draw_histogram("x", BINS, "risk", "customers", "Caption."),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_chart_is_the_same_each_time_scales_and_takes_the_pages_colour(draw):
    figure = draw()
    assert figure.svg == draw().svg
    tag = re.match(r"<svg ([^>]*)>", figure.svg)[1]
    assert "viewBox" in tag
    assert "width" not in tag
    assert 'fill="currentColor"' in figure.svg
    assert "#000" not in figure.svg
    assert figure.alt


def test_a_chart_draws_one_bar_a_row_and_says_the_values_in_words():
    figure = DRAWN["bars"]()
    assert figure.svg.count(f'fill="{BLUE}"') == 2
    assert figure.alt == "late delivery: 30 %; b: 20 %"
    assert figure.caption == "Caption. The line marks the week before."


def test_labels_are_text_and_stay_apart_when_they_are_cut():
    long = "a very long label that goes on and on and differs at the end "
    rows = [{"label": long + end, "value": 0.5, "text": "x"} for end in ("<b>one</b>", "<b>two</b>")]
    svg = draw_bars("x", rows, "share", "Caption.").svg
    assert svg.count(f'fill="{BLUE}"') == 2
    assert not HTMLParser(svg).css("b")
    rows = [{"label": "<b>&\"'", "value": 0.5, "text": "<i>"}]
    assert not HTMLParser(draw_bars("x", rows, "share", "Caption.").svg).css("b, i")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [BLUE, ORANGE, GREY])
@pytest.mark.parametrize("paper", ["#ffffff", "#14181c"])
def test_hues_stand_out_on_light_and_dark_paper(colour, paper):
    light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_curves_show_a_colour_for_each_group_and_say_where_they_end():
    rows = [
        {"x": x, "value": v, "low": v - 0.05, "high": min(v + 0.05, 1), "part": part}
        for part, end in (("monthly", 0.2), ("yearly", 0.8))
        for x, v in ((0, 1.0), (100, end))
    ]
    parts = {"monthly": BLUE, "yearly": ORANGE}
    figure = draw_curves("c", rows, "days", "still there", "caption", parts=parts)
    assert all(colour in figure.svg for colour in parts.values())
    assert "monthly: 20% at 100; yearly: 80% at 100" in figure.alt
