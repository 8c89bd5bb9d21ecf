import pytest

from reports.monitors import Monitor, check_all, collect_figures

LOW = Monitor("low", "kpi:csat", 0.8, 0.6, "Doc.")
HIGH = Monitor("high", "kpi:wait", 10, 20, "Doc.", "above")


@pytest.mark.parametrize(
    ("monitor", "value", "state"),
    [
        (LOW, 0.9, "ok"),
        (LOW, 0.8, "ok"),
        (LOW, 0.7, "warn"),
        (LOW, 0.6, "warn"),
        (LOW, 0.5, "fail"),
        (HIGH, 10, "ok"),
        (HIGH, 15, "warn"),
        (HIGH, 21, "fail"),
    ],
)
def test_a_value_is_held_against_both_limits_and_may_equal_them(monitor, value, state):
    checked = monitor.check({monitor.figure: value})
    assert (checked.state, checked.value) == (state, value)


def test_a_figure_that_is_not_there_is_no_data():
    assert LOW.check({}).state == "no data"
    assert [state.state for state in check_all({}, [LOW, HIGH])] == ["no data", "no data"]


def test_a_monitor_that_fails_before_it_warns_is_refused():
    with pytest.raises(ValueError, match="before it warns"):
        Monitor("wrong", "kpi:csat", 0.6, 0.8, "Doc.")
    with pytest.raises(ValueError, match="no number"):
        Monitor("wrong", "kpi:csat", float("nan"), 0.8, "Doc.")
    with pytest.raises(ValueError, match="unknown kind"):
        Monitor("wrong", "csat", 0.8, 0.6, "Doc.")


def test_a_gain_over_the_baseline_is_good_when_positive_also_for_errors():
    scores = [
        {"task": "t", "metric": "accuracy", "value": 0.7, "baseline": 0.5},
        {"task": "t", "metric": "calibration_error", "value": 0.1, "baseline": 0.3},
        {"task": "t", "metric": "bic", "value": -5.0, "baseline": None},
    ]
    figures = collect_figures(scores, rows={"turns": 3})
    assert figures["gain:t.accuracy"] == pytest.approx(0.2)
    assert figures["gain:t.calibration_error"] == pytest.approx(0.2)
    assert "gain:t.bic" not in figures
    assert figures["rows:turns"] == 3


def test_a_monitor_by_the_clock_speaks_only_when_its_figure_was_asked_for():
    clock = Monitor("fresh", "fresh:conversations", 2, 4, "Doc.", "above")
    assert check_all({}, [clock]) == []
    assert check_all({"fresh:conversations": 9.0}, [clock])[0].state == "fail"
