"""What each section says about hand-made results."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.store import checked, write
from cxm.tasks import by_name
from cxm.workspace import Workspace
from reports.report import compose
from reports.sections import TELLERS
from reports.sections.section import (
    Evidence,
    Grid,
    Story,
    mark_differences,
    mask_quotes,
    metric_value,
    tell_scores,
)
from reports.words import excerpt


@pytest.fixture(scope="module")
def stories(shared_world, fake_tasks):
    report = compose(shared_world, "2026-W30", fake_tasks)
    return {task.task.name: task.story for task in report.tasks}


def plain(text):
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("task", "finding"),
    [
        (
            "intent_prediction",
            "The most common reason for contact in 2026-W30 is “plain refund status” (40 %, 8 of 20 conversations)."
            " 10 % have none of the known reasons (“none of these”).",
        ),
        (
            "article_search",
            "The first article is right for 67 % of test queries (n = 79; a naive method: 61 %)."
            " 2 topics are not answered by the knowledge base;"
            " the largest is “plain customs 0” (7 conversations or queries).",
        ),
        ("kb_refinement", "1 article pair repeats itself, 1 pair contradicts itself."),
        (
            "quality_adherence",
            "80 % of 40 applicable questions are answered yes. 20 % of 20 conversations fail by a critical"
            " error, 0 % have non-critical errors only."
            " Met least: “plain Checks?” (80 % of 20 conversations).",
        ),
        (
            "multi_turn_rag",
            "Of 60 replies to prepare, an answer from an article is ready for 67 %;"
            " no article answers 33 %.",
        ),
        (
            "sentiment",
            "Of 40 customer turns in 2026-W30, 50 % are negative and 50 % positive. On average a conversation"
            " ends better than it begins (+0.70 on a scale from −1 to 1).",
        ),
        (
            "churn_survival",
            "15 of 30 customers have a risk of at least 50 % of not buying again within 90 days; the mean risk"
            " is 48 %. 435 plain of expected spend is at risk. The strongest link with leaving is “plain plan”"
            " (hazard ratio 2.00, 95 % interval 1.50 to 2.50).",
        ),
        (
            "segmentation",
            "30 customers form 2 segments. The largest is “plain others” (67 % of customers, 10 % of spend);"
            " the most valuable is “plain spenders” (33 % of customers, 90 % of spend).",
        ),
    ],
)  # fmt: skip
def test_a_finding_says_what_the_results_show(stories, task, finding):
    assert plain(stories[task].finding) == finding


def test_how_far_to_trust_a_finding_names_the_naive_method(stories):
    assert plain(stories["intent_prediction"].quality) == (
        "The reason is right for 70 % of labelled conversations (n = 90; a naive method: 30 %)."
    )


def test_an_uncalibrated_criterion_and_agents_with_few_conversations_are_said_in_words(stories):
    story = stories["quality_adherence"]
    assert "Uncalibrated (kappa under .4, not to be relied on): plain greets." in plain(story.quality)
    assert "Not checked against reviewers: 1 criterion." in plain(story.quality)
    trust = next(grid for grid in story.grids if "trusted" in grid.title)
    assert [row[1] for row in trust.rows] == ["UNCALIBRATED", "no labels"]
    agents = next(grid for grid in story.grids if grid.title.startswith("Agents"))
    assert [row[:2] for row in agents.rows] == [("plain agent 1", "below"), ("plain agent 0", "not apart")]
    assert "at least 15 conversations" in plain(agents.title)
    assert "1 agent with fewer not compared" in plain(agents.title)


def test_every_section_has_a_figure_and_a_table_or_pairs(stories):
    for story in stories.values():
        assert story.figures
        assert story.grids or story.pairs


def test_a_reason_that_grows_beyond_chance_is_a_change(make_world, fake_tasks, put_table):
    workspace = make_world()
    ids = [f"n{i:03d}" for i in range(400)]
    start = [day for week in (13, 20) for day in [week] * 200]
    put_table(workspace.data, "conversations", conversations(ids, start))
    (workspace.data / "turns.parquet").unlink()
    share = {13: 0.1, 20: 0.4}
    put_table(
        workspace.out,
        "predicted_intents",
        [
            {"conversation_id": id_, "rank": 1, "intent": "late" if i % 200 < 200 * share[day] else "rest",
             "probability": 0.9, "is_abstained": False}
            for i, (id_, day) in enumerate(zip(ids, start, strict=True))
        ],
    )  # fmt: skip
    report = compose(workspace, "2026-W30", fake_tasks[:1])
    assert [(change.section, plain(change.text)) for change in report.changes] == [
        ("intent_prediction", "Contacts about “late” rose from 10 % to 40 % (+60, p < .001)."),
        ("intent_prediction", "Contacts about “rest” fell from 90 % to 60 % (−60, p < .001)."),
    ]


def conversations(ids, days):
    return [
        {"conversation_id": id_, "channel": "chat", "started_at": datetime(2026, 7, day, tzinfo=UTC)}
        for id_, day in zip(ids, days, strict=True)
    ]


def test_nothing_is_said_to_change_when_nothing_did(shared_world, fake_tasks):
    assert compose(shared_world, "2026-W30", fake_tasks).changes == ()


def test_a_task_without_its_own_section_is_told_by_its_rows_and_main_score(make_world, fake_tasks):
    workspace = make_world()
    manifest = workspace.manifest("intent_prediction")
    scores = [
        {"task": "t", "metric": "accuracy", "value": 0.7, "low": 0.6, "high": 0.8, "n": 9, "baseline": 0.5}
    ]
    story = tell_scores(Evidence(fake_tasks[0], workspace, manifest, scores, None))
    assert story.finding == "180 rows in predicted intents."
    assert plain(story.quality) == "Accuracy: 0.70 (n = 9; a naive method: 0.50)."
    assert len(story.figures) == 1


def test_every_task_has_its_section(fake_tasks):
    assert set(TELLERS) == {task.name for task in fake_tasks}


def test_metrics_that_are_shares_are_percent_and_large_numbers_have_no_digits():
    assert plain(metric_value("accuracy", 0.7271)) == "72.7 %"
    assert metric_value("macro_f1", 0.7271) == "0.727"
    assert metric_value("bic", -12345.6) == "−12,346"
    assert metric_value("n_segments", 4.0) == "4"
    assert metric_value("accuracy", None) == "–"


def test_words_that_differ_between_two_quotes_are_marked():
    left, right = mark_differences("Return it within 30 days.", "Return it within 14 days, free")
    assert [(m.text, m.is_marked) for m in left] == [
        ("Return it within", False),
        ("30", True),
        ("days.", False),
    ]
    assert [(m.text, m.is_marked) for m in right] == [
        ("Return it within", False), ("14", True), ("days,", False), ("free", True),
    ]  # fmt: skip


@given(st.text(), st.text())
def test_marking_loses_no_word(left, right):
    for text, marks in zip((left, right), mark_differences(left, right), strict=True):
        assert " ".join(mark.text for mark in marks) == excerpt(text, 400)


def test_ids_of_rows_are_never_masked_and_quotes_beside_them_are(shared_world):
    grid = Grid(
        "t", ("said", "ids"), [("my card is 4111111111111111", "CV12345678")], "t.parquet", 1, ids=(1,)
    )
    (row,) = mask_quotes(Story("", grids=(grid,)), by_name("article_search"), shared_world).grids[0].rows
    assert "4111111111111111" not in row[0]
    assert row[1] == "CV12345678"


def test_the_name_of_a_gap_is_masked_wherever_it_stands(tmp_path):
    gap = {"n_conversations": 3, "n_queries": 0, "answer_probability": 0.1, "example_ids": [["c1"], ["c2"]]}
    names = ["call me at ada@lovelace.example", "boiler"]
    gaps = pl.DataFrame({"gap_id": ["g1", "g2"], "name": names, **gap})
    write(checked(gaps, "knowledge_gaps"), tmp_path / "out", "knowledge_gaps")
    workspace = Workspace(tmp_path, tmp_path / "out")
    evidence = Evidence(by_name("article_search"), workspace, {"writes": ["knowledge_gaps"]}, [], None)
    story = TELLERS["article_search"](evidence)
    assert "boiler" in str(story)
    assert "lovelace" not in str(story)
