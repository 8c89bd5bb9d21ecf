"""The metrics by name: label, meaning, and which end is good.

Add a metric here when a task reports it; the function goes into the module of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """How a metric is shown. `best` is the value of a perfect prediction, None where there is none."""

    name: str
    label: str
    doc: str
    best: float | None = 1.0

    @property
    def is_higher_better(self) -> bool:
        """False for errors, whose best value is 0."""
        return self.best != 0.0


_ALL = (
    Metric("accuracy", "Accuracy", "Share of rows answered rightly; abstaining counts as an answer."),
    Metric("macro_f1", "Macro F1", "F1 of each label, averaged; rare labels count as much as common ones."),
    Metric("weighted_f1", "Weighted F1", "F1 of each label, averaged by the label's share."),
    Metric("accuracy_at_3", "Accuracy at 3", "Share of rows whose label is among the first three guesses."),
    Metric("accuracy_at_level_1", "Accuracy at level 1", "Share of rows whose topmost parent is right."),
    Metric("accuracy_at_level_2", "Accuracy at level 2", "Share of rows whose parent at level 2 is right."),
    Metric("accuracy_at_level_3", "Accuracy at level 3", "Share of rows whose parent at level 3 is right."),
    Metric("out_of_scope_recall", "Out-of-scope recall", "Share of 'none of these' rows abstained from."),
    Metric("out_of_scope_precision", "Out-of-scope precision", "Share of abstentions that were right."),
    Metric("mcc", "Matthews correlation", "Agreement beyond chance, -1 to 1."),
    Metric(
        "calibration_error", "Calibration error", "Mean gap of probability and truth, ten equal bins.", 0.0
    ),
    Metric("coverage", "Coverage", "Share of labelled rows that have a prediction."),
    Metric("hit_at_1", "Hit at 1", "Share of queries whose first article is right."),
    Metric("recall_at_1", "Recall at 1", "Share of right articles found at rank 1."),
    Metric("recall_at_5", "Recall at 5", "Share of right articles found in the first 5."),
    Metric("recall_at_10", "Recall at 10", "Share of right articles found in the first 10."),
    Metric("recall_at_20", "Recall at 20", "Share of right articles found in the first 20."),
    Metric("mrr_at_10", "MRR at 10", "Mean reciprocal rank of the first right article in the first 10."),
    Metric("ndcg_at_10", "nDCG at 10", "Discounted gain of the first 10 against the best order."),
    Metric("similar_f1", "Similar F1", "F1 of pairs that say the same."),
    Metric("similar_precision", "Similar precision", "Share of similar findings that are right."),
    Metric("similar_recall", "Similar recall", "Share of similar pairs that were found."),
    Metric("contradictory_f1", "Contradictory F1", "F1 of pairs that contradict each other."),
    Metric("contradictory_precision", "Contradictory precision", "Share of contradictions that are right."),
    Metric("contradictory_recall", "Contradictory recall", "Share of contradictions that were found."),
    Metric("question_accuracy", "Question accuracy", "Share of questions answered as the reviewer did."),
    Metric("case_accuracy", "Case accuracy", "Share of conversations with every question right."),
    Metric("roc_auc", "ROC AUC", "Chance that a yes ranks above a no; .5 is guessing."),
    Metric("cohen_kappa", "Cohen's kappa", "Agreement with the reviewer beyond chance."),
    Metric("evidence_f1", "Evidence F1", "F1 of the turns named as evidence."),
    Metric("tool_accuracy", "Tool accuracy", "Share of points whose tool is the right one."),
    Metric("supported_share", "Supported share", "Share of reply sentences that stand in a cited article."),
    Metric("concordance_index", "Concordance", "Chance that who leaves first has the higher risk (Harrell)."),
    Metric("concordance_ipcw", "Concordance (IPCW)", "Concordance weighted against censoring (Uno)."),
    Metric("value_at_risk_ratio", "Value at risk, ratio", "Value at risk over what truly left."),
    Metric("expected_purchases_ratio", "Purchases, ratio", "Purchases expected over those made (BG/NBD)."),
    Metric("integrated_brier_score", "Integrated Brier score", "Mean squared error of the risk.", 0.0),
    Metric(
        "lift_at_decile", "Lift in top decile", "Leavers in the riskiest tenth against the average.", None
    ),
    Metric("repeat_purchase_auc", "Repeat-purchase AUC", "Chance that a returning customer ranks higher."),
    Metric(
        "spend_explained_share", "Spend explained", "Share of next-period spend variance explained.", None
    ),
    Metric("stability_ari", "Stability", "Adjusted Rand index of refits on resamples."),
    Metric("silhouette", "Silhouette", "Separation of segments, -1 to 1; misleads alone.", None),
    Metric("davies_bouldin", "Davies–Bouldin", "Spread within groups over distance between; 0 is best.", 0.0),
    Metric("calinski_harabasz", "Calinski–Harabasz", "Variance between groups over within.", None),
    Metric("smallest_share", "Smallest", "Share of customers in the smallest segment.", None),
    Metric("churn_explained_share", "Churn explained", "Share of who stays away that is explained.", None),
    Metric("bic", "BIC", "Bayesian information criterion; lower is better.", None),
    Metric("n_segments", "Segments", "Number of segments.", None),
    Metric("adjusted_rand_index", "Adjusted Rand index", "Agreement with the true segments."),
)


class _Metrics(dict[str, Metric]):
    """By name; `cohen_kappa_of_greeting` is found as Cohen's kappa, of a part of the rows."""

    def __missing__(self, name: str) -> Metric:
        metric, _, part = name.partition("_of_")
        whole = self[metric] if part else None
        if whole is None:
            raise KeyError(name)
        return replace(whole, name=name, label=f"{whole.label} of {part.replace('_', ' ')}")

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or super().__contains__(str(name).partition("_of_")[0])


METRICS: dict[str, Metric] = _Metrics({metric.name: metric for metric in _ALL})


def is_of_a_part(name: str) -> bool:
    """Whether a metric counts a part of the rows that another counts all of."""
    return name in METRICS and name not in METRICS.keys()  # noqa: SIM118 - keys are the declared ones
