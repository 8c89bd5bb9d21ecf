"""Two small tasks and a small data directory: what the Dagster project is tried on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.definitions import build_defs
from assets.partitions import add_week
from assets.resources import WorkspaceResource
from cxm import store
from cxm.backends.encoder import Encoder, HashingEncoder
from cxm.metrics import estimate
from cxm.metrics.intervals import mean_of
from cxm.task import Method, Model, Params, Task, param


class OfflineWorkspace(WorkspaceResource):
    """The workspace with an encoder that costs nothing."""

    def encoder(self) -> Encoder:
        return HashingEncoder()


@dataclass(frozen=True)
class MoodParams(Params):
    words: tuple[str, ...] = param(("bad", "late"), "Words of a bad mood.")
    weight: float | None = param(None, "Weight of such a word.")
    fault: str = param("", "Fail with this message.")


def _predict(tables, model, params, services):
    if params.fault:
        raise ZeroDivisionError(params.fault)
    is_bad = pl.col("text").str.contains_any(list(params.words))
    turns = tables["turns"].select(
        "conversation_id",
        "turn_index",
        score=pl.when(is_bad).then(-1.0).otherwise(0.0),
        polarity=pl.when(is_bad).then(pl.lit("negative")).otherwise(pl.lit("neutral")),
        probability=pl.lit(1.0),
    )
    return {"turn_sentiment": turns.collect()}


def _score(results, gold, tables, params):
    if gold is None:
        return []
    rows = gold.filter(pl.col("split") == "test").join(
        results["turn_sentiment"], on=["conversation_id", "turn_index"], how="left", suffix="_found"
    )
    hits = (rows["polarity"] == rows["polarity_found"]).to_numpy().astype(float)
    return estimate("accuracy", mean_of(hits), rows["conversation_id"].to_numpy())


_MOOD_METHOD = Method(lambda *_: Model(), _predict)
MOOD = Task(
    name="mood",
    title="Mood",
    question="How does each turn feel?",
    needs=(("turns",),),
    uses=("conversations",),
    writes=("turn_sentiment",),
    metrics=("accuracy",),
    method=_MOOD_METHOD,
    naive=_MOOD_METHOD,
    naive_name="the same",
    score=_score,
    gold="sentiment_labels",
    params=MoodParams,
)


def _spend(tables, model, params, services):
    return {}


SPEND = Task(
    name="spend",
    title="Spend",
    question="Who spends what?",
    needs=(("dismissed_findings", "customers"), ("dismissed_findings",)),
    uses=("turn_sentiment",),
    writes=("customer_segments",),
    metrics=("bic",),
    method=Method(lambda *_: Model(), _spend),
    naive=Method(lambda *_: Model(), _spend),
    naive_name="nothing",
    score=lambda *_: [],
)


def write_tables(directory: Path) -> Path:
    """Three conversations of one week, the last of them without labels."""
    start = datetime(2026, 7, 27, 9, tzinfo=UTC)
    ids = ["a", "b", "c"]
    conversations = pl.DataFrame(
        {"conversation_id": ids, "channel": ["chat"] * 3, "started_at": [start] * 3}
    ).with_columns(pl.col("started_at").cast(pl.Datetime("us", "UTC")))
    turns = pl.DataFrame(
        {
            "conversation_id": ids,
            "turn_index": [0, 0, 0],
            "speaker": ["customer"] * 3,
            "text": ["this is bad | <b>really</b>\n" + "long " * 40, "where is it", "thanks"],
        }
    )
    labels = pl.DataFrame(
        {
            "conversation_id": ["a", "b"],
            "turn_index": [0, 0],
            "polarity": ["negative", "negative"],
            "split": ["test", "test"],
        }
    )
    for name, frame in (("conversations", conversations), ("turns", turns), ("sentiment_labels", labels)):
        store.write(frame, directory, name)
    return directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tables(tmp_path / "data")


@pytest.fixture
def offline(data: Path, tmp_path: Path) -> WorkspaceResource:
    return OfflineWorkspace(data=str(data), out=str(tmp_path / "out"))


@pytest.fixture
def small_tasks() -> tuple[Task, ...]:
    return (MOOD, SPEND)


@dataclass(frozen=True)
class Outcome:
    """A run of the job: whether it ended well, what each asset reported, what failed and how."""

    is_success: bool
    metadata: dict[str, dict[str, Any]]
    failures: dict[str, str]
    checks: dict[str, dg.AssetCheckEvaluation]


def run(workspace: WorkspaceResource, only: Sequence[str] = (), **config: dict[str, Any]) -> Outcome:
    """Run the job, or `only` some assets of it, for week 2026-W31; run config as keyword arguments."""
    defs = build_defs(tasks=(MOOD, SPEND), workspace=workspace)
    with dg.DagsterInstance.ephemeral() as instance:
        add_week(instance, "2026-W31")
        result = defs.resolve_job_def("report_job").execute_in_process(
            instance=instance,
            partition_key="2026-W31",
            raise_on_error=False,
            asset_selection=[dg.AssetKey(key.split("/")) for key in only] or None,
            run_config={"ops": {name: {"config": values} for name, values in config.items()}}
            | {"loggers": {"plain_lines": {}}},
        )
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return Outcome(
        result.success,
        {"/".join(m.asset_key.path): {k: v.value for k, v in m.metadata.items()} for m in made},
        {event.step_key: _reason(event) for event in result.all_events if event.is_step_failure},
        {check.check_name: check for check in result.get_asset_check_evaluations()},
    )


def _reason(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    if failure.user_failure_data:
        return failure.user_failure_data.description
    return failure.error.cause.message.strip()


@pytest.fixture
def run_job(offline) -> Callable[..., Outcome]:
    """Runs the whole job, or a part of it, on tables of one's own."""

    def run_it(workspace: WorkspaceResource = offline, only: Sequence[str] = (), **config: Any) -> Outcome:
        return run(workspace, only, **config)

    return run_it


@pytest.fixture(scope="session")
def outcome(tmp_path_factory) -> Outcome:
    """The whole job run once on the small directory, to be looked at."""
    home = tmp_path_factory.mktemp("outcome")
    write_tables(home / "data")
    (home / "data" / "notes.txt").write_text("hello")
    return run(OfflineWorkspace(data=str(home / "data"), out=str(home / "out")))
