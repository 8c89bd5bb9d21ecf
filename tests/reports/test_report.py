"""What `build` writes: the JSON contract, histories, and the same bytes again."""

import json
import shutil

import polars as pl
import pytest

import reports
from cxm import store
from cxm.errors import CxmError, RowProblems
from cxm.workspace import Workspace
from reports.records import defuse
from reports.report import watch


def build(workspace, tasks, week=None):
    page = reports.build(workspace, week, tasks)
    return page.read_text(), json.loads((workspace.out / "report.json").read_text())


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "data").mkdir()
    return Workspace(tmp_path / "data", tmp_path / "out")


def test_the_json_holds_every_task_figure_and_monitor(make_world, fake_tasks):
    workspace = make_world()
    _, record = build(workspace, fake_tasks)
    assert set(record) == {
        "made_at", "version", "period", "tasks", "changes", "kpis", "kpis_absent", "monitors", "drift",
        "expectations", "volume", "levels", "embedding_drift", "data",
    }  # fmt: skip
    assert list(record["tasks"]) == [task.name for task in fake_tasks]
    assert record["period"] == "2026-W30"
    task = record["tasks"]["intent_prediction"]
    assert (task["status"], task["needs"], task["is_stale"]) == ("run", [], False)
    assert set(task) == {"status", "needs", "title", "question", "finding", "is_stale", "scores"}
    assert set(task["scores"][0]) == {
        "task", "metric", "value", "low", "high", "n", "baseline", "params_hash", "data_hash",
    }  # fmt: skip
    kpi = next(row for row in record["kpis"] if row["name"] == "csat")
    assert (kpi["value"], kpi["n"], kpi["period"], kpi["unit"]) == (0.5, 20, "2026-W30", "share")
    assert kpi["definition"]
    assert kpi["previous"] == 0.5
    assert {"name", "state", "value", "warn", "fail", "doc"} <= set(record["monitors"][0])
    turns = next(row for row in record["data"]["tables"] if row["name"] == "turns")
    assert (turns["rows"], turns["quarantined"]) == (180, 3)
    assert record["data"]["other_files"] == ["plain notes.txt"]


def test_a_task_without_its_tables_is_not_run_and_names_them(tmp_path, put_table, fake_tasks):
    data = tmp_path / "data"
    data.mkdir()
    put_table(data, "queries", [{"query_id": "q", "text": "how"}])
    page, record = build(Workspace(data, tmp_path / "out"), fake_tasks)
    assert {task["status"] for task in record["tasks"].values()} == {"not_run"}
    assert record["tasks"]["article_search"]["needs"] == ["articles"]
    assert record["tasks"]["churn_survival"]["needs"] == ["transactions"]
    assert '<section id="article_search"' not in page
    assert "Needs the table <code>articles</code>" in page


def test_a_task_whose_tables_are_there_but_was_not_run_says_how_to_run_it(make_world, fake_tasks):
    workspace = make_world()
    workspace.manifest_path("sentiment").unlink()
    page, record = build(workspace, fake_tasks)
    assert (record["tasks"]["sentiment"]["status"], record["tasks"]["sentiment"]["needs"]) == ("not_run", [])
    assert record["tasks"]["sentiment"]["scores"] == []
    assert "Not run yet: <code>cxm run sentiment</code>" in page


def test_results_made_from_another_data_directory_are_not_shown(make_world, fake_tasks, tmp_path):
    workspace = make_world()
    shutil.copytree(workspace.data, tmp_path / "copy")
    _, record = build(Workspace(tmp_path / "copy", workspace.out), fake_tasks)
    assert {task["status"] for task in record["tasks"].values()} == {"not_run"}
    assert "quality_score" not in {row["name"] for row in record["kpis"]}


def test_a_result_table_that_is_gone_makes_its_task_not_run(make_world, fake_tasks):
    workspace = make_world()
    (workspace.out / "churn_risk.parquet").unlink()
    _, record = build(workspace, fake_tasks)
    assert record["tasks"]["churn_survival"]["status"] == "not_run"


def test_results_older_than_the_tables_are_marked(make_world, fake_tasks, put_table):
    workspace = make_world()
    put_table(workspace.data, "queries", [{"query_id": "new", "text": "new"}])
    page, record = build(workspace, fake_tasks)
    assert [name for name, task in record["tasks"].items() if task["is_stale"]] == ["article_search"]
    assert page.count("The tables have changed since this was made") == 1


def test_same_input_gives_the_same_bytes_but_for_the_time_of_making(make_world, fake_tasks):
    workspace = make_world()
    names = ["report.html", "report.json", "kpis.parquet", "kpi_history.parquet", "score_history.parquet"]
    made = []
    for _ in range(2):
        _, record = build(workspace, fake_tasks)
        files = [(workspace.out / name).read_bytes() for name in names]
        stamp = record["made_at"].encode()
        assert [file.count(stamp) for file in files] == [1, 1, 0, 0, 0]
        made.append([file.replace(stamp, b"") for file in files])
    assert made[0] == made[1]


def test_the_csv_holds_every_week_and_no_cell_that_a_spreadsheet_would_run(make_world, fake_tasks):
    workspace = make_world()
    build(workspace, fake_tasks)
    figures = pl.read_csv(workspace.out / "kpis.csv")
    assert figures.columns == ["period", "name", "value", "low", "high", "n"]
    assert figures.height == workspace.read("kpis").collect().height
    texts = pl.DataFrame({"a": ["=1+1", " @x", "-2", "+3", "\tq", "plain", None], "b": [-1.0] * 7})
    defused = defuse(texts)
    assert defused["a"].to_list() == ["'=1+1", "' @x", "'-2", "'+3", "'\tq", "plain", None]
    assert defused["b"].to_list() == [-1.0] * 7


def test_each_key_figure_carries_its_definition_and_its_course(make_world, fake_tasks):
    page, record = build(make_world(), fake_tasks)
    for figure in record["kpis"]:
        assert all(figure[part] for part in ("definition", "numerator", "denominator", "window", "time_zone"))
        assert figure["course"][-1] == {"period": "2026-W30", "value": figure["value"]}
        assert f'id="kpi-{figure["definition_id"]}"' in page


def test_a_report_never_writes_into_the_data_directory(make_world, fake_tasks):
    workspace = make_world()
    before = {path: path.read_bytes() for path in workspace.data.rglob("*") if path.is_file()}
    build(workspace, fake_tasks)
    assert before == {path: path.read_bytes() for path in workspace.data.rglob("*") if path.is_file()}


def test_histories_grow_by_week_and_what_was_reported_stays(make_world, fake_tasks):
    workspace = make_world()
    for week in ("2026-W29", "2026-W30"):
        build(workspace, fake_tasks, week)
    reported = workspace.read("kpi_history").collect()
    talks = workspace.read("conversations").collect()
    store.write(talks.with_columns(csat=pl.lit(5, dtype=pl.Int32)), workspace.data, "conversations")
    workspace = Workspace(workspace.data, workspace.out)
    build(workspace, fake_tasks, "2026-W30")
    assert workspace.read("kpi_history").collect().equals(reported)
    for name, figure in (("kpi_history", "contacts"), ("score_history", "intent_prediction.accuracy")):
        history = workspace.read(name).filter(name=figure).collect()
        assert history["period"].to_list() == ["2026-W29", "2026-W30"]
    assert workspace.read("kpis").select(pl.col("period").unique().sort()).collect()["period"].to_list() == [
        "2026-W29",
        "2026-W30",
    ]


def test_a_past_week_keeps_the_figures_of_the_whole_base_it_was_reported_with(make_world, fake_tasks):
    workspace = make_world()
    _, first = build(workspace, fake_tasks, "2026-W29")
    build(workspace, fake_tasks, "2026-W30")
    risks = workspace.read("churn_risk").collect()
    store.write(risks.with_columns(probability=pl.lit(0.5)), workspace.out, "churn_risk")
    _, again = build(Workspace(workspace.data, workspace.out), fake_tasks, "2026-W29")
    risk = [next(k for k in r["kpis"] if k["name"] == "churn_risk_mean")["value"] for r in (first, again)]
    assert risk[0] == risk[1] != 0.5


def test_histories_of_another_data_directory_are_not_continued(make_world, fake_tasks, tmp_path):
    workspace = make_world()
    build(workspace, fake_tasks, "2026-W29")
    shutil.copytree(workspace.data, tmp_path / "copy")
    other = Workspace(tmp_path / "copy", workspace.out)
    build(other, fake_tasks, "2026-W30")
    assert other.read("kpi_history").collect()["period"].unique().to_list() == ["2026-W30"]


def test_without_conversations_there_is_no_figure_of_a_period_and_the_report_still_works(
    tmp_path, put_table, fake_tasks
):
    data = tmp_path / "data"
    data.mkdir()
    put_table(
        data,
        "articles",
        [{"article_id": "a", "title": "t", "body": "b", "body_format": "text", "kind": "issue"}],
    )
    page, record = build(Workspace(data, tmp_path / "out"), fake_tasks)
    assert (record["period"], record["kpis"]) == (None, [])
    assert "No dates in the data" in page


def test_without_conversations_whole_base_figures_are_dated_by_the_last_transaction(make_world, fake_tasks):
    workspace = make_world()
    (workspace.data / "conversations.parquet").unlink()
    _, record = build(workspace, fake_tasks)
    assert record["period"] == "2026-W30"
    assert "value_at_risk" in {row["name"] for row in record["kpis"]}
    with pytest.raises(CxmError, match="no conversations"):
        reports.build(workspace, "2026-W30", fake_tasks)


def test_an_empty_data_directory_and_empty_tables_give_a_report(empty, put_table, fake_tasks):
    page, record = build(empty, fake_tasks)
    assert "holds no table" in page
    assert record["data"]["tables"] == []
    for name in ("conversations", "turns", "transactions", "articles"):
        put_table(empty.data, name, [])
    _, record = build(Workspace(empty.data, empty.out), fake_tasks)
    assert (record["period"], record["kpis"]) == (None, [])


def test_empty_results_give_sections_that_say_so(make_world, fake_tasks, put_table):
    workspace = make_world()
    for task in fake_tasks:
        for name in task.writes:
            put_table(workspace.out, name, [])
    _, record = build(workspace, fake_tasks)
    assert all(task["finding"] for task in record["tasks"].values())


def test_a_week_that_is_not_there_is_an_error_and_nothing_is_written(make_world, fake_tasks):
    workspace = make_world()
    with pytest.raises(CxmError, match="2026-W29 to 2026-W31"):
        reports.build(workspace, "2026-W40", fake_tasks)
    assert not (workspace.out / "report.html").exists()


def test_a_broken_table_is_an_error(empty, fake_tasks):
    pl.DataFrame({"conversation_id": ["a"]}).write_parquet(empty.data / "conversations.parquet")
    with pytest.raises(RowProblems, match="cxm validate"):
        reports.build(empty, tasks=fake_tasks)


def test_an_unreadable_table_is_an_error(empty, fake_tasks):
    (empty.data / "queries.parquet").write_bytes(b"not parquet")
    with pytest.raises(CxmError, match=r"queries\.parquet cannot be read") as raised:
        reports.build(empty, tasks=fake_tasks)
    assert "\n" not in str(raised.value)


def test_watching_sees_the_same_states_as_the_report(make_world, fake_tasks):
    workspace = make_world()
    _, record = build(workspace, fake_tasks)
    states = {state.monitor.name: state.state for state in watch(workspace, tasks=fake_tasks)}
    assert states == {row["name"]: row["state"] for row in record["monitors"]}
    assert states["satisfaction"] == "fail"  # half of the answered surveys are 4 or 5
    assert states["first_contact"] == "ok"
    assert states["segments_stable"] == "ok"
    assert states["wait"] == "no data"
