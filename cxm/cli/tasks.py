"""Commands that run and score a task; flags derive from the task's `Params`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from cxm import runs
from cxm.cli.output import OUT, Data, Json, Out, UnusedOut, note, print_json, print_rows
from cxm.entry import flags_of, give_signature
from cxm.errors import CxmError, MissingTable
from cxm.task import Params, Task
from cxm.tasks import TASKS, by_name
from cxm.workspace import Workspace

Labels = Annotated[
    Literal["train", "none"] | None, Parameter(help="`none`: the method without labels [default: train]")
]


def tasks(*, out: UnusedOut = OUT, json: Json = False) -> int:
    """The tasks: question, tables needed and written, metrics."""
    if json:
        print_json([_describe(task) for task in TASKS])
        return 0
    for task in TASKS:
        print(f"\n{task.name}: {task.question}")
        print(f"  needs   {task.needs_text()}")
        print(f"  writes  {', '.join(task.writes)}")
        print(f"  metrics {', '.join(task.metrics)}")
        print(f"  naive   {task.naive_name}")
    return 0


def _describe(task: Task) -> dict[str, Any]:
    return {
        "task": task.name,
        "title": task.title,
        "question": task.question,
        "needs": [list(alternative) for alternative in task.needs],
        "uses": list(task.uses),
        "gold": task.gold,
        "writes": list(task.writes),
        "metrics": list(task.metrics),
        "naive": task.naive_name,
        "params": [
            {"name": f.name, "default": f.default, "help": f.metadata["help"]}
            for f in dataclasses.fields(task.params)
        ],
    }


def params_of(task: Task, given: dict[str, Any], base: dict[str, Any]) -> Params:
    """The task's parameters: what was given, over `base` (an earlier run), over the defaults."""
    values: dict[str, Any] = {}
    for f in dataclasses.fields(task.params):
        value = given.get(f.name)
        value = base.get(f.name, f.default) if value is None else value
        values[f.name] = tuple(value) if isinstance(value, list) else value
    return task.params(**values)


def _run(task: Task, data: Path, out: Path, labels: str | None, json: bool, **given: Any) -> int:
    workspace = Workspace(data, out)
    written = runs.run(task, workspace, params_of(task, given, {}), use_labels=labels != "none")
    rows = [{"table": name, "rows": _height(path), "file": str(path)} for name, path in written.items()]
    print_json(rows) if json else print_rows(rows)
    return 0


def _height(path: Path) -> int:
    import polars as pl

    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())


def _score(task: Task, data: Path, out: Path, labels: str | None, json: bool, **given: Any) -> int:
    workspace = Workspace(data, out)
    # Without flags, what `run` wrote is scored: its parameters, with or without labels.
    last = workspace.manifest(task.name) or {}
    use_labels = last.get("labels", True) if labels is None else labels != "none"
    scores = runs.score(task, workspace, params_of(task, given, last.get("params", {})), use_labels)
    if not scores.height:
        wanted = [f"'{task.gold}' with test rows"] if task.gold else []
        wanted += [task.scored_without] if task.scored_without else []
        needed = ", or ".join(wanted) or "rows to score"
        raise MissingTable(f"{task.name} cannot be scored on {workspace.data}: it needs {needed}")
    if json:
        print_json(scores.to_dicts())
        return 0
    print_rows(scores.select("metric", "value", "low", "high", "n", "baseline").to_dicts())
    note(f"baseline: {task.naive_name}")
    return 0


def _command(task: Task, action: Callable[..., int]) -> Callable[..., int]:
    """A function whose signature holds the task's parameters, for the command line to read."""
    parameters = [
        inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, annotation=Data),
        inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, annotation=Out, default=OUT),
        inspect.Parameter("labels", inspect.Parameter.KEYWORD_ONLY, annotation=Labels, default=None),
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, annotation=Json, default=False),
        *flags_of(task.params),
    ]

    def command(**values: Any) -> int:
        # An absent flag may be left out of the call altogether.
        known = {"out": OUT, "labels": None, "json": False, **values}
        return action(task, **known)

    command.__name__ = task.name
    command.__doc__ = f"{task.title}: {task.question}\n\nNeeds {task.needs_text()}."
    give_signature(command, parameters)
    return command


_EXAMPLE = "Example: cxm {} intent_prediction --data data --out out"
run = App(
    name="run",
    help="Fit (on train labels where there are any), predict, and write the result tables.",
    help_epilogue=_EXAMPLE.format("run"),
)
score = App(
    name="score",
    help="Score what `run` wrote, beside a naive method; runs first if parameters or data changed.",
    help_epilogue=_EXAMPLE.format("score"),
)


@run.default
@score.default
def _unknown_task(*words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
    """What happens where no task is named, or one that is not there."""
    if not words:
        raise CxmError(f"which task? one of: {', '.join(task.name for task in TASKS)}")
    by_name(words[0])
    return 0


for _task in TASKS:
    for _app, _action, _verb in ((run, _run, "run"), (score, _score, "score")):
        _example = f"Example: cxm {_verb} {_task.name} --data data --out out"
        _app.command(_command(_task, _action), name=_task.name, help_epilogue=_example)
