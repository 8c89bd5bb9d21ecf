"""The first screen: what moved is said, with its cause, the gravest first; chance is not."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from cxm.workspace import Workspace
from reports.changes import find_changes
from reports.kpi import usual_step
from reports.kpis import compute_kpis

MONDAY = datetime(2026, 7, 20, tzinfo=UTC)
WEEKS = 9
PERIOD = "2026-W31"


def talk(week, i, driver, **columns):
    start = MONDAY + timedelta(weeks=week - WEEKS + 2, hours=i % 160)
    return driver, {
        "conversation_id": f"{week}-{i}",
        "channel": "chat",
        "started_at": start,
        "is_resolved": True,
        **columns,
    }


def world(tmp_path, put_table, talks):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    put_table(data, "conversations", [row for _, row in talks])
    workspace = Workspace(data, out)
    put_table(
        out,
        "predicted_intents",
        [
            {"conversation_id": row["conversation_id"], "rank": 1, "intent": driver, "probability": 0.9,
             "is_abstained": False}
            for driver, row in talks
        ],
    )  # fmt: skip
    workspace.write_manifest("intent_prediction", {"writes": ["predicted_intents"]})
    return workspace


def changes(workspace):
    return find_changes(compute_kpis(workspace, PERIOD), workspace, PERIOD, None)


def steady(seed, n=200):
    draw = random.Random(seed)
    for week in range(WEEKS):
        for i in range(n):
            yield talk(
                week, i, draw.choice(["late", "refund", "other", "bill"]), is_resolved=draw.random() < 0.7
            )


def test_an_incident_is_told_with_its_size_and_how_it_ended(tmp_path, put_table):
    talks = list(steady(1))
    talks += [talk(WEEKS - 1, 1000 + i, "late", is_resolved=i % 3 == 0) for i in range(150)]
    found = changes(world(tmp_path, put_table, talks))
    first = next(change for change in found if change.section == "intent_prediction")
    assert first.text.startswith("Contacts about “late” rose from")
    assert "of them ended unresolved" in first.text
    assert "p\u00a0<\u00a0.001" in first.text
    resolved = next(change for change in found if change.topic == "resolution")
    assert resolved.is_worse
    assert "“late” makes" in resolved.text


def test_two_articles_that_answer_a_rising_driver_and_contradict_each_other_are_named(tmp_path, put_table):
    talks = list(steady(1)) + [talk(WEEKS - 1, 1000 + i, "late") for i in range(150)]
    workspace = world(tmp_path, put_table, talks)
    put_table(
        workspace.out,
        "prepared_replies",
        [
            {"conversation_id": row["conversation_id"], "turn_index": 1, "article_ids": ["a", "b"], "citations": "[]",
             "status": "answered"}
            for driver, row in talks if driver == "late"
        ],
    )  # fmt: skip
    put_table(
        workspace.out,
        "article_findings",
        [
            {"left_article_id": "a", "right_article_id": right, "relation": "contradictory", "left_quote": "x",
             "right_quote": "y", "score": 0.9}
            for right in ("b", "c")
        ],
    )  # fmt: skip
    workspace.write_manifest("multi_turn_rag", {"writes": ["prepared_replies"]})
    workspace.write_manifest("kb_refinement", {"writes": ["article_findings"]})
    text = next(change.text for change in changes(workspace) if change.topic == "driver:late")
    assert "two of the articles that answer them contradict each other" in text


def test_what_one_week_before_is_too_few_rows_for_is_seen_against_eight(tmp_path, put_table):
    talks = [
        talk(
            week,
            i,
            "late"
            if i < (25 if week == WEEKS - 1 else 15 if week == WEEKS - 2 else 10 + week % 3)
            else f"d{i % 12}",
        )
        for week in range(WEEKS)
        for i in range(165)
    ]
    late = next(c for c in changes(world(tmp_path, put_table, talks)) if c.topic == "driver:late")
    assert "in the 8 weeks before" in late.text


def test_quiet_weeks_say_nothing(tmp_path, put_table):
    n_told = 0
    for seed in range(20):
        (tmp_path / str(seed)).mkdir()
        n_told += bool(changes(world(tmp_path / str(seed), put_table, list(steady(seed)))))
    assert n_told <= 2


def test_what_got_worse_comes_first_and_a_topic_is_told_once(tmp_path, put_table):
    talks = [
        talk(week, i, "late" if week == WEEKS - 1 else "refund", is_resolved=i % 2 == 0 or week == WEEKS - 1,
             handle_seconds=(900.0 if week == WEEKS - 1 else 300.0) + i % 7)
        for week in range(WEEKS)
        for i in range(100)
    ]  # fmt: skip
    found = changes(world(tmp_path, put_table, talks))
    topics = [change.topic for change in found]
    assert topics.count("handle") == 1
    assert [change.is_worse for change in found] == sorted((c.is_worse for c in found), reverse=True)
    assert "resolution" in topics


def test_a_count_that_usually_jumps_is_not_told(tmp_path, put_table):
    talks = [
        talk(week, i, "late") for week in range(WEEKS) for i in range(300 if week % 2 else 150)
    ]  # fmt: skip
    assert not [change for change in changes(world(tmp_path, put_table, talks)) if change.topic == "volume"]


@pytest.mark.parametrize(
    ("values", "step"), [([1.0] * 7, None), ([1.0, 2.0] * 5, pytest.approx(1.4826, abs=0.8))]
)
def test_the_usual_step_needs_weeks_and_leaves_the_last_one_out(values, step):
    assert usual_step(values) == step
    assert usual_step([*[1.0] * 8, 100.0]) == 0.0


def test_without_a_week_or_conversations_nothing_changed(tmp_path, put_table):
    data = tmp_path / "data"
    data.mkdir()
    workspace = Workspace(data, tmp_path / "out")
    assert find_changes(compute_kpis(workspace, None), workspace, None, None) == []
    put_table(data, "conversations", [])
    assert find_changes(compute_kpis(workspace, PERIOD), workspace, PERIOD, None) == []


def test_common_drivers_get_more_of_the_false_discoveries_allowed_and_rare_ones_their_part():
    from reports.changes import Change, _judged, _weighed

    changes = [Change("s", f"driver:{i}", "", 0.003 if i == 0 else 0.5, True) for i in range(100)]
    assert _judged(changes) == []
    weighed = _weighed(changes, [0.15, *[0.85 / 99] * 99])
    assert [change.topic for change in _judged(weighed)] == ["driver:0"]
    assert sum(change.weight for change in weighed) == pytest.approx(100)
    assert min(change.weight for change in weighed) >= 0.4
    assert _weighed(changes, [0.0] * 100) == changes
