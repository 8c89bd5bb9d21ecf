"""The inbox sensor and what follows it, on a real Dagster instance with real files."""

import time
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import build_defs
from assets.sensors import inbox_files, report_after_inbox
from cxm import locks, store

HEADER = "conversation_id,channel,started_at\n"


def look_once(instance, workspace) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(instance, resources={"workspace": workspace}) as context:
        found = inbox_files.evaluate_tick(context)
    return found.run_requests[0] if found.run_requests else dg.SkipReason(found.skip_message)


class Operated:
    """The project with an instance of its own; ticks are made by hand."""

    def __init__(self, instance, workspace, tasks) -> None:
        self.instance, self.workspace = instance, workspace
        self.defs = build_defs(tasks=tasks, workspace=workspace)
        self.inbox = Path(workspace.inbox)

    def drop(self, name: str, text: str) -> None:
        path = self.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def tick(self) -> dg.RunRequest | dg.SkipReason:
        return look_once(self.instance, self.workspace)

    def run(self, job: str, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=request.partition_key, raise_on_error=False
        )

    def report_requests(self, cursor: str | None = None) -> list[dg.RunRequest]:
        with (
            dg.partition_loading_context(dynamic_partitions_store=self.instance),
            dg.build_sensor_context(self.instance, cursor=cursor, definitions=self.defs) as context,
        ):
            return list(report_after_inbox.evaluate_tick(context).run_requests or [])


@pytest.fixture
def operated(offline, small_tasks, tmp_path):
    (tmp_path / "inbox").mkdir()
    workspace = type(offline)(data=offline.data, out=offline.out, inbox=str(tmp_path / "inbox"))
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield Operated(instance, workspace, small_tasks)


def test_without_an_inbox_nothing_is_watched(offline, monkeypatch):
    monkeypatch.delenv("CXM_INBOX", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        found = look_once(instance, offline)
    assert "CXM_INBOX" in found.skip_message


def test_a_dropped_export_is_imported_and_then_reported_in_its_week(operated):
    operated.drop(
        "conversations.csv", HEADER + "new,chat,2026-08-10T09:00:00Z\nlast,chat,2026-08-18T09:00:00Z\n"
    )
    assert isinstance(operated.tick(), dg.SkipReason)
    request = operated.tick()
    assert isinstance(request, dg.RunRequest)
    result = operated.run("inbox_job", request)
    assert result.success
    assert isinstance(operated.tick(), dg.SkipReason)
    assert store.scan(Path(operated.workspace.data), "conversations").collect().height == 5
    (made,) = [e.materialization for e in result.get_asset_materialization_events()]
    assert made.metadata["n_imported"].value == 1
    (report,) = operated.report_requests()
    assert report.partition_key in operated.instance.get_dynamic_partitions("week")
    assert report.partition_key == made.metadata["week"].value
    assert operated.run("report_job", report).success
    assert (Path(operated.workspace.out) / "report.html").exists()


def test_a_broken_file_fails_the_check_of_the_inbox_and_asks_for_no_report(operated):
    operated.drop("conversations.csv", "nonsense | <b>\n1\n")
    operated.tick()
    result = operated.run("inbox_job", operated.tick())
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "conversations.csv" in check.metadata["reasons"].value
    assert operated.report_requests() == []
    assert list((operated.inbox / "failed").glob("*/conversations.csv"))


def test_a_file_with_a_hostile_name_is_taken_like_any_other_and_its_name_stays_text(operated):
    name = "<img src=x onerror=alert(1)> | \x1b[2J\u202e\n`.csv"
    operated.drop(f"conversations/{name}", HEADER + "new,chat,2026-08-10T09:00:00Z\n")
    operated.drop(name, "nonsense\n1\n")
    operated.drop(f"turns/{name}", "")
    operated.tick()
    result = operated.run("inbox_job", operated.tick())
    assert result.success
    (made,) = [e.materialization for e in result.get_asset_materialization_events()]
    (check,) = result.get_asset_check_evaluations()
    assert (made.metadata["n_imported"].value, made.metadata["n_failed"].value) == (1, 2)
    assert all(c.isprintable() for c in check.description)
    for table in (made.metadata["files"], made.metadata["rows"], check.metadata["reasons"]):
        assert r"\<img src=x onerror=alert(1)\> \| \\x1b" in table.value
        assert all(c.isprintable() for line in table.value.splitlines() for c in line)
    (reasons,) = (operated.inbox / "failed").glob("*.txt")
    assert all(c.isprintable() for c in reasons.read_text().rstrip("\n").replace("\n", ""))
    assert len(reasons.read_text().splitlines()) == 2
    assert len(list((operated.inbox / "failed").rglob("*.csv"))) == 2
    assert len(list((operated.inbox / "done").rglob("*.csv"))) == 1


def test_the_same_file_twice_asks_for_no_second_report(operated):
    for _ in range(2):
        operated.drop("conversations.csv", HEADER + "new,chat,2026-08-10T09:00:00Z\n")
        operated.tick()
        result = operated.run("inbox_job", operated.tick())
    assert result.get_asset_materialization_events() == []


def test_while_an_import_runs_no_other_is_asked_for(operated):
    operated.drop("conversations.csv", HEADER)
    operated.tick()
    with locks.hold(operated.inbox):
        assert "present import" in operated.tick().skip_message
    assert isinstance(operated.tick(), dg.RunRequest)


@pytest.mark.parametrize("spoil", ["gone", "inside"])
def test_an_inbox_that_cannot_be_watched_is_said_at_each_tick(operated, spoil):
    where = operated.inbox / "gone" if spoil == "gone" else Path(operated.workspace.data)
    workspace = type(operated.workspace)(
        data=operated.workspace.data, out=operated.workspace.out, inbox=str(where)
    )
    assert "inbox" in look_once(operated.instance, workspace).skip_message


def test_a_tick_with_a_thousand_files_takes_less_than_a_second(operated):
    for i in range(1000):
        operated.drop(f"conversations/{i:04}.csv", HEADER)
    operated.tick()
    started = time.monotonic()
    assert isinstance(operated.tick(), dg.RunRequest)
    assert time.monotonic() - started < 1
