"""The tasks, in the order in which later ones may read earlier ones' results.

A ninth task is one module here ending in `TASK = Task(...)`, its tables in `cxm.tables`, and one
line in `TASKS`. What a task is stands in `cxm.task`.
"""

from cxm.errors import CxmError, did_you_mean
from cxm.task import Task
from cxm.tasks import (
    article_search,
    churn_survival,
    intent_prediction,
    kb_refinement,
    multi_turn_rag,
    quality_adherence,
    segmentation,
    sentiment,
)

TASKS: tuple[Task, ...] = (
    intent_prediction.TASK,
    article_search.TASK,
    kb_refinement.TASK,
    quality_adherence.TASK,
    multi_turn_rag.TASK,
    sentiment.TASK,
    churn_survival.TASK,
    segmentation.TASK,
)


def by_name(name: str) -> Task:
    """The task of that name; `CxmError` with the closest one otherwise."""
    for task in TASKS:
        if task.name == name:
            return task
    raise CxmError(f"no task '{name}'" + did_you_mean(name, (task.name for task in TASKS)))
