import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import build_defs
from assets.tasks import scores_key
from cxm.tasks import TASKS

defs = build_defs()
ROOT = Path(__file__).parents[2]
GRAPH = Path(__file__).parent / "asset_graph.txt"
every_task = pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])


def draw_graph() -> str:
    """One line an asset: group, key, what it depends on."""
    specs = sorted(defs.resolve_all_asset_specs(), key=lambda spec: (spec.group_name, spec.key))
    lines = [
        f"{spec.group_name}: {spec.key.to_user_string()}"
        + "".join(f"\n    < {key}" for key in sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        for spec in specs
    ]
    return "\n".join(lines) + "\n"


def test_the_project_loads():
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"report_job"}


def test_the_asset_graph_is_the_one_agreed_on(golden):
    golden(draw_graph(), GRAPH)


@every_task
def test_a_task_has_an_asset_and_its_scores_in_a_group_of_its_name(task):
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    asset, scores = specs[dg.AssetKey(task.name)], specs[scores_key(task)]
    assert asset.group_name == scores.group_name == task.name
    assert task.question in asset.description
    assert task.naive_name in scores.description


def test_the_parts_can_be_replaced(small_tasks, offline):
    replaced = build_defs(tasks=small_tasks, workspace=offline)
    groups = {spec.group_name for spec in replaced.resolve_all_asset_specs()}
    assert groups == {"sources", "gold", "mood", "spend", "report"}


def test_runs_stay_in_one_process_unless_asked_otherwise():
    assert defs.executor is dg.in_process_executor


def test_loading_the_project_loads_no_heavy_library():
    heavy = ["torch", "sentence_transformers", "lightgbm", "lifelines", "sklearn", "tantivy", "altair"]
    script = f"import sys, assets.definitions; print([m for m in {heavy!r} if m in sys.modules])"
    command = [sys.executable, "-W", "ignore", "-c", script]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"
