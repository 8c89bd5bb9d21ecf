"""Every task on every folder of real data that has its tables, beside the simplest baseline known there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.figure import SHARED_DATA, Figure, absent
from cxm import runs
from cxm.tasks import by_name
from cxm.workspace import Workspace

# folder, task, metric, baseline measured with a few lines of scikit-learn or BM25, labels, params
_EXPECTED = (
    ("airline_support", "intent_prediction", "accuracy", 0.452, True, {}),
    ("banking77", "intent_prediction", "accuracy", 0.932, True, {}),
    ("banking77", "intent_prediction", "accuracy", 0.622, False, {}),
    ("natcs_insurance", "intent_prediction", "accuracy", 0.980, True, {}),
    ("natcs_insurance", "intent_prediction", "accuracy", 0.659, False, {}),
    ("airline_sentiment", "sentiment", "macro_f1", 0.740, True, {}),
    ("clothing_reviews", "sentiment", "macro_f1", 0.599, True, {}),
    ("emanual_tv", "article_search", "hit_at_1", 0.652, True, {}),
    ("travel_knowledge", "multi_turn_rag", "recall_at_5", 0.155, True, {}),
    ("kb_defects_manuals", "kb_refinement", "similar_f1", 0.456, True, {}),
    ("guideline_compliance", "quality_adherence", "roc_auc", 0.69, True, {}),
    ("online_retail", "churn_survival", "repeat_purchase_auc", 0.685, True, {"backtest_days": 100}),
    ("online_retail", "segmentation", "spend_explained_share", None, True, {}),
    ("telco_churn", "churn_survival", "concordance_index", 0.837, True, {}),
)


def run() -> list[Figure]:
    """Main figures with interval and n; the limit is the simplest baseline."""
    figures = []
    for folder, name, metric, expected, use_labels, params in _EXPECTED:
        title = f"{folder}: {name} {metric}" + ("" if use_labels else ", no labels")
        if not (SHARED_DATA / folder).is_dir():
            figures.append(absent(title, folder))
            continue
        task = by_name(name)
        with tempfile.TemporaryDirectory() as out:
            scores = runs.score(
                task, Workspace(SHARED_DATA / folder, Path(out)), task.params(**params), use_labels
            )
        row = next(r for r in scores.to_dicts() if r["metric"] == metric)
        note = f"[{row['low']:.3f}, {row['high']:.3f}] n={row['n']:,} naive {row['baseline']:.3f}"
        # The baselines are known to three digits.
        figures.append(Figure(title, round(row["value"], 3), "", ">=", expected, note))
    return figures
