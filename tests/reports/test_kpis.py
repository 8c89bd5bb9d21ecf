"""Key figures against values worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from cxm.workspace import Workspace
from reports.kpis import KPIS, compute_kpis, main_horizon

MONDAY = datetime(2026, 7, 20, tzinfo=UTC)
WEEK, NEXT, LAST = "2026-W30", "2026-W31", "2026-W32"


def talk(name, days, **columns):
    return {
        "conversation_id": name,
        "channel": "chat",
        "started_at": MONDAY + timedelta(days=days),
        **columns,
    }


# Three weeks: W30 holds a-d, W31 e-f, W32 g (the latest conversation, on its Wednesday).
TALKS = [
    talk("a", 0, customer_id="x", csat=5, nps=10, ces=7, handle_seconds=100.0, is_resolved=True,
         wait_seconds=10.0, is_abandoned=False, is_transferred=False, is_bot_only=True),
    talk("b", 1, customer_id="y", csat=4, nps=7, ces=5, handle_seconds=200.0, is_resolved=True,
         wait_seconds=20.0, is_abandoned=True, is_transferred=False, is_bot_only=False),
    talk("c", 2, customer_id="x", csat=1, nps=0, ces=None, handle_seconds=300.0, is_resolved=False,
         wait_seconds=30.0, is_abandoned=False, is_transferred=True, is_bot_only=True),
    talk("d", 6, customer_id=None, csat=None, nps=None, ces=None, handle_seconds=None, is_resolved=None,
         wait_seconds=None, is_abandoned=None, is_transferred=None, is_bot_only=True),
    talk("e", 7, customer_id="z", csat=2, nps=9, ces=3, handle_seconds=50.0, is_resolved=False,
         wait_seconds=5.0, is_abandoned=False, is_transferred=False, is_bot_only=False),
    talk("f", 12, customer_id="z", csat=None, nps=None, ces=None, handle_seconds=70.0, is_resolved=True,
         wait_seconds=5.0, is_abandoned=False, is_transferred=False, is_bot_only=False),
    talk("g", 16, customer_id="x", csat=5, nps=9, ces=6, handle_seconds=90.0, is_resolved=True,
         wait_seconds=5.0, is_abandoned=False, is_transferred=False, is_bot_only=False),
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path, put_table):
    data = tmp_path / "data"
    data.mkdir()
    put_table(data, "conversations", TALKS)
    return Workspace(data, tmp_path / "out")


def read(workspace, week):
    return {reading.kpi.name: reading for reading in compute_kpis(workspace, week).readings}


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("contacts", 4, 4),
        ("csat", 2 / 3, 3),
        ("csat_response_share", 3 / 4, 4),
        ("nps", 0.0, 3),  # one promoter, one detractor of three
        ("ces", 6.0, 2),
        ("resolution_share", 2 / 3, 3),
        ("first_contact_resolution", 2 / 3, 3),  # a came back as c; d has no customer
        ("handle_seconds_mean", 200.0, 3),
        ("handle_seconds_median", 200.0, 3),
        ("handle_seconds_p90", 280.0, 3),
        ("wait_seconds_mean", 20.0, 2),  # b gave up before an answer
        ("abandonment_share", 1 / 3, 3),
        ("transfer_share", 1 / 3, 3),
        # a is a bot's, but x returned after 48 hours; c is contained; b a human's; d has no customer.
        ("bot_containment_share", 1 / 3, 3),
    ],
)
def test_key_figures_of_a_week(workspace, name, value, n):
    reading = read(workspace, WEEK)[name]
    assert (reading.value, reading.n) == (pytest.approx(value), n)
    assert reading.low <= reading.value <= reading.high


def test_contacts_younger_than_seven_days_are_left_out_of_first_contact_resolution(workspace):
    # The data ends on day 16, so of W31 only e (day 7) is old enough, and its customer came back.
    reading = read(workspace, NEXT)["first_contact_resolution"]
    assert (reading.value, reading.n) == (0.0, 1)


def test_where_no_contact_is_old_enough_first_contact_resolution_is_that_of_the_week_before(workspace):
    reading = read(workspace, LAST)["first_contact_resolution"]
    assert (reading.period, reading.value, reading.n) == (NEXT, 0.0, 1)


def test_a_return_about_something_else_is_no_failed_first_contact(tmp_path, put_table):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    drivers = {"a": "late", "b": "late", "c": "bill", "d": "bill"}
    days = {"a": 0, "b": 3, "c": 1, "d": 30}
    put_table(data, "conversations", [talk(name, day, customer_id="x") for name, day in days.items()])
    put_table(
        out,
        "predicted_intents",
        [
            {"conversation_id": name, "rank": 1, "intent": driver, "probability": 1.0, "is_abstained": False}
            for name, driver in drivers.items()
        ],
    )
    workspace = Workspace(data, out)
    workspace.write_manifest("intent_prediction", {"writes": ["predicted_intents"]})
    reading = read(workspace, WEEK)["first_contact_resolution"]
    assert (reading.value, reading.n) == (pytest.approx(2 / 3), 3)  # only a came back about the same


def test_figures_of_the_whole_base_are_compared_with_what_was_reported(make_world, put_table):
    workspace = make_world()
    put_table(
        workspace.out,
        "kpi_history",
        [
            {
                "period": "2026-W29",
                "name": "value_at_risk",
                "value": 100.0,
                "low": 90.0,
                "high": 110.0,
                "n": 30,
            }
        ],
    )
    workspace.write_manifest("reports", {"writes": ["kpi_history"]})
    reading = read(workspace, "2026-W30")["value_at_risk"]
    assert reading.previous == 100.0
    assert reading.is_changed
    assert reading.is_better is False


def test_repeats_look_seven_days_back_and_need_them_to_be_in_the_data(workspace):
    reading = read(workspace, NEXT)["repeat_contact_share"]
    assert (reading.value, reading.n) == (0.5, 2)  # e is new, f follows e by five days
    assert "repeat_contact_share" not in read(workspace, WEEK)


def test_the_week_before_stands_beside_a_figure(workspace):
    reading = read(workspace, NEXT)["csat"]
    assert (reading.value, reading.previous) == (0.0, pytest.approx(2 / 3))
    assert read(workspace, WEEK)["csat"].previous is None


def test_counts_of_weeks_that_the_data_does_not_cover_are_not_compared(workspace):
    assert read(workspace, NEXT)["contacts"].previous == 4
    assert read(workspace, LAST)["contacts"].previous is None


def test_a_change_of_a_few_rows_is_never_called_a_change(workspace):
    assert not any(reading.is_changed for reading in read(workspace, NEXT).values())


def test_a_change_beyond_chance_is_seen_and_judged(tmp_path, put_table):
    data = tmp_path / "data"
    data.mkdir()
    rows = [
        talk(f"{w}-{i}", 7 * w + i % 7, is_resolved=i % 10 < (9 if w == 0 else 4))
        for w in (0, 1)
        for i in range(140)
    ]
    put_table(data, "conversations", rows)
    reading = read(Workspace(data, tmp_path / "out"), NEXT)["resolution_share"]
    assert reading.is_changed
    assert reading.is_better is False


def test_what_cannot_be_computed_is_absent_and_names_what_is_missing(tmp_path, put_table):
    data = tmp_path / "data"
    data.mkdir()
    put_table(data, "conversations", [talk("a", 0)])
    figures = compute_kpis(Workspace(data, tmp_path / "out"), WEEK)
    missing = {kpi.name: needs for kpi, needs in figures.absent}
    assert [reading.kpi.name for reading in figures.readings] == ["contacts"]
    assert missing["csat"] == ["conversations.csat"]
    assert missing["contact_rate"] == ["customers"]
    assert missing["quality_score"] == ["quality_answers", "scorecard"]
    assert missing["churn_risk_mean"] == ["churn_risk"]
    assert len(missing) == len(KPIS) - 1


def test_a_column_without_a_value_is_missing(tmp_path, put_table):
    data = tmp_path / "data"
    data.mkdir()
    put_table(data, "conversations", [talk("a", 0, csat=None)])
    missing = {kpi.name: needs for kpi, needs in compute_kpis(Workspace(data, tmp_path / "out"), WEEK).absent}
    assert missing["csat"] == ["conversations.csat"]


def test_weeks_after_the_period_are_not_looked_at(workspace):
    assert compute_kpis(workspace, NEXT).weeks["period"].unique().sort().to_list() == [WEEK, NEXT]


def test_row_order_does_not_matter(workspace, tmp_path, put_table):
    other = tmp_path / "shuffled"
    other.mkdir()
    put_table(other, "conversations", TALKS[::-1])
    shuffled = compute_kpis(Workspace(other, tmp_path / "out"), NEXT).weeks
    assert shuffled.equals(compute_kpis(workspace, NEXT).weeks)


def test_figures_from_results_of_tasks(make_world):
    readings = read(make_world(), "2026-W30")
    value = {name: reading.value for name, reading in readings.items()}
    assert value["contact_rate"] == pytest.approx(20 / 30)
    assert value["negative_ending_share"] == 0.25
    # Every fifth conversation fails the critical criterion; all others meet both.
    assert value["critical_error_share"] == 0.2
    assert value["quality_score"] == pytest.approx(0.8)
    assert value["knowledge_gap_share"] == pytest.approx((6 + 5 + 2) / (60 + 3))
    assert value["churn_risk_mean"] == pytest.approx(sum(range(30)) / 30 / 30)
    assert value["value_at_risk"] == pytest.approx(sum(range(30)))
    assert readings["value_at_risk"].n == 30


def test_the_horizon_nearest_to_90_days_is_reported():
    assert main_horizon([30, 90, 180]) == 90
    assert main_horizon([30, 60, 365]) == 60


def test_each_figure_is_defined_once_and_says_how_it_is_counted():
    assert len({kpi.name for kpi in KPIS}) == len(KPIS)
    assert all(kpi.definition.endswith(".") and kpi.window and kpi.needs for kpi in KPIS)
