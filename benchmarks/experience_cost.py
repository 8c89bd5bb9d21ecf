"""Whether the hazard ratios shown hold what is planted: contacts unresolved, repeated, badly ended.

On worlds without text, training customers only, by the task's own estimator; once with the true endings of
conversations and once with none known. A repeat contact has no effect of its own: its planted ratio is 1.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.methods.experience import (
    experience_amounts,
    experience_of,
    experience_terms,
    experience_told,
)
from cxm.methods.observation import end_of_observation
from cxm.methods.risk_choice import shown_ratios
from synth.knobs import Knobs
from synth.lives import simulate_customers, truth_of_lives
from synth.worlds import make_setting

SEEDS = range(101, 121)
_ENOUGH = 17
_WINDOW = 60
_NOT_COVARIATES = ("customer_id", "joined_at", "duration_days", "is_churned", "entry_days")


def run() -> list[Figure]:
    """Of 20 worlds, in how many the interval of each ratio holds the planted one."""
    rows = [row for seed in SEEDS for row in shown(seed)]
    found = pl.DataFrame(rows, schema=["endings", "term", "planted", "ratio", "low", "high"], orient="row")
    figures = []
    for (endings, term), of_term in found.group_by("endings", "term", maintain_order=True):
        planted = of_term["planted"][0]
        n_inside = ((of_term["low"] <= planted) & (planted <= of_term["high"])).sum()
        mean = float(np.exp(of_term["ratio"].log().mean()))  # type: ignore[arg-type]
        note = f"of {of_term.height}; planted {planted:.2f}, geometric mean {mean:.2f}"
        name = f"{term}, endings {endings}: held"
        figures.append(Figure(name, float(n_inside), "", ">=", _ENOUGH, note))
    return figures


def shown(seed: int) -> list[tuple[str, str, float, float, float, float]]:
    """Of one world: endings, term, planted ratio, the one shown, low, high."""
    setting = make_setting(Knobs(seed=seed, no_text=True))
    block = simulate_customers(setting, 1, setting.knobs.customers + 1)
    planted = truth_of_lives(setting)["hazard_ratios"] | {f"repeat_contact_{_WINDOW}_days": 1.0}
    train = block.churn_labels.filter(pl.col("split") == "train").drop("split")
    labels = train.join(block.customers, "customer_id", validate="1:1").sort("customer_id")
    end = end_of_observation(labels)
    assert end is not None
    rows = []
    told = block.contacts.select("conversation_id", "ends_badly")
    for endings, known in (("known", told), ("not known", None)):
        experience = experience_of(block.contacts.lazy(), known, block.customers, end, _WINDOW)
        skip = _NOT_COVARIATES + experience_amounts(_WINDOW) + experience_told(_WINDOW)
        ratios = {row["term"]: row for row in shown_ratios(experience.split(labels), skip, 7)}
        for term in experience_terms(_WINDOW):
            if term in ratios:
                row = ratios[term]
                rows.append((endings, term, planted[term], row["hazard_ratio"], row["low"], row["high"]))
    return rows
