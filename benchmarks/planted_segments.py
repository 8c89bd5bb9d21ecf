"""Whether planted segments are found again, on worlds nobody has looked at while choosing a method."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.methods.mixture import Settings
from cxm.methods.rfm import rfm_table
from cxm.methods.segment_choice import learn_segments
from cxm.metrics.classification import adjusted_rand_index
from synth.knobs import Knobs
from synth.lives import simulate_customers
from synth.packs import names
from synth.worlds import make_setting

SEEDS = range(101, 106)
_PERIOD_DAYS = 90
_ENOUGH = {"larkfield": 0.70}


def run() -> list[Figure]:
    """Mean and least agreement (adjusted Rand index) over the seeds, for each brand."""
    figures = []
    for brand in names():
        found = [agreement(brand, seed) for seed in SEEDS]
        note = f"least {min(found):.3f}, {len(found)} seeds: {' '.join(f'{value:.3f}' for value in found)}"
        name = f"{brand}: agreement with planted segments"
        figures.append(Figure(name, float(np.mean(found)), "", ">=", _ENOUGH.get(brand), note))
    return figures


def agreement(brand: str, seed: int) -> float:
    """Agreement of the segments of a world of the default size with those planted in it."""
    knobs = Knobs(brand=brand, seed=seed, no_text=True)
    block = simulate_customers(make_setting(knobs), 1, knobs.customers + 1)
    segment = segments_of(block.transactions.lazy())
    # Who never bought has no segment, and counts as one more.
    both = block.segment_labels.join(segment, "customer_id", "left", suffix="_found", validate="1:1")
    answer = both["segment_found"].fill_null("none").to_numpy().astype(str)
    return adjusted_rand_index(both["segment"].to_numpy().astype(str), answer)


def segments_of(transactions: pl.LazyFrame) -> pl.DataFrame:
    """`customer_id`, `segment` as the task gives them."""
    end = transactions.select(pl.col("occurred_at").max()).collect().item()
    table = rfm_table(transactions, end, _PERIOD_DAYS)
    mixture, *_ = learn_segments(transactions, table, end, _PERIOD_DAYS, Settings())
    return table.select("customer_id").with_columns(segment=pl.Series(mixture.assign(table)))
