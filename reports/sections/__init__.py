"""One section a task: what its results say, in a sentence, a figure and a table.

A section is the module with the task's name and its function `tell`; a task without one is told by
`section.tell_scores`. What a section is made of stands in `section`, how it looks in the template.
"""

from collections.abc import Callable

from reports.sections import (
    article_search,
    churn_survival,
    intent_prediction,
    kb_refinement,
    multi_turn_rag,
    quality_adherence,
    segmentation,
    sentiment,
)
from reports.sections.section import Evidence, Story, tell_scores

TELLERS: dict[str, Callable[[Evidence], Story]] = {
    "intent_prediction": intent_prediction.tell,
    "article_search": article_search.tell,
    "kb_refinement": kb_refinement.tell,
    "quality_adherence": quality_adherence.tell,
    "multi_turn_rag": multi_turn_rag.tell,
    "sentiment": sentiment.tell,
    "churn_survival": churn_survival.tell,
    "segmentation": segmentation.tell,
}


def tell(evidence: Evidence) -> Story:
    """What the results of the evidence's task say."""
    return TELLERS.get(evidence.task.name, tell_scores)(evidence)
