"""What customers did up to a moment, as sequences of events, beside the shipped risk and what followed.

Belongs here: how sequences and moments are made from tables. What is learned from them is in one module an
experiment (`event_patterns`, `contrastive`, `autoencoder`, `recurrent`), how it is judged in `experiments`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.contact_facts import ends_of_conversations
from cxm.methods.observation import days_before, days_between, end_of_observation, follow
from cxm.methods.purchases import follow_purchases, purchase_features
from cxm.methods.risk_scores import aligned_risk
from cxm.task import Tables
from cxm.tasks.churn_survival import TASK

Floats = NDArray[np.float64]
LENGTH = 60
GAPS = (7.0, 30.0)
_KINDS_OF_GAP = ("soon", "later", "long after")


@dataclass(frozen=True)
class Sequences:
    """The last events of each customer, latest last, padded in front: `(n, length)` each.

    `kind` numbers a kind from 1 (0: padding), `gap` is log(1 + days) since the event before, `amount` the
    signed log of money; the last event is always the moment itself. `kinds` are the names, from 1 on.
    """

    kind: NDArray[np.int64]
    gap: Floats
    amount: Floats
    kinds: tuple[str, ...]

    def take(self, rows: Any) -> Sequences:
        """The sequences of these rows."""
        return Sequences(self.kind[rows], self.gap[rows], self.amount[rows], self.kinds)


@dataclass(frozen=True)
class Moment:
    """Customers at a moment, and what followed within `horizon` days.

    `shipped` is the logit of the shipped model's risk (of leaving; of not buying again), made from rows up
    to the moment; `is_event` after `duration` days is the departure, without contract the purchase.
    """

    customer_id: NDArray[Any]
    shipped: Floats
    features: pl.DataFrame
    sequences: Sequences
    duration: Floats
    is_event: NDArray[np.bool_]
    has_left: Floats
    is_test: NDArray[np.bool_]
    horizon: int

    def take(self, rows: Any) -> Moment:
        """These customers."""
        parts = (getattr(self, name)[rows] for name in ("duration", "is_event", "has_left", "is_test"))
        features, sequences = self.features[rows], self.sequences.take(rows)
        return Moment(self.customer_id[rows], self.shipped[rows], features, sequences, *parts, self.horizon)

    def __len__(self) -> int:
        return len(self.customer_id)


# The logit of leaving of any moment's customers, and what learns it from an earlier moment and a seed.
Predict = Callable[[Moment], Floats]
Learn = Callable[[Moment, int], Predict]


def moment(tables: Tables, labels: pl.DataFrame | None, as_of: datetime, horizon: int) -> Moment:
    """Customers `horizon` days before `as_of`, and what they did until then.

    `labels` (with a `split`): the contract; None: no contract. The shipped model learns on `train` rows.
    """
    params = TASK.params(as_of=as_of.isoformat(), backtest_days=horizon, horizons=str(horizon))
    train = None if labels is None else labels.filter(pl.col("split") == "train").drop("split")
    model = TASK.method.fit(tables, train, params, None)  # type: ignore[arg-type]
    risk = TASK.method.predict(tables, model, params, None)["churn_backtest"]  # type: ignore[arg-type]
    start = days_before(datetime.fromisoformat(model.facts["as_of"]), horizon)
    customers = tables["customers"].collect().sort("customer_id") if "customers" in tables else None
    if labels is None or customers is None:
        followed = follow_purchases(tables["transactions"], start, horizon)
        followed = followed.with_columns(is_churned="has_bought", split=pl.lit("train"))
        has_left = (~followed["has_bought"]).to_numpy().astype(float)
    else:
        joined = labels.join(customers, "customer_id", "inner", validate="1:1").sort("customer_id")
        followed = follow(joined, start, horizon)
        has_left = followed["is_churned"].to_numpy().astype(float)
    probability, _ = aligned_risk(risk, followed, [horizon])
    p = np.clip(probability[:, 0], 1e-6, 1 - 1e-6)
    features = purchase_features(tables["transactions"], start, customers, tables.get("conversations"))
    features = followed.select("customer_id").join(
        features, "customer_id", "left", validate="1:1", maintain_order="left"
    )
    return Moment(
        followed["customer_id"].to_numpy(),
        np.log(p / (1 - p)),
        features,
        sequences_at(tables, start, followed["customer_id"]),
        followed["duration_days"].to_numpy(),
        followed["is_churned"].to_numpy(),
        has_left,
        (followed["split"] == "test").to_numpy(),
        horizon,
    )


def last_moment(tables: Tables, labels: pl.DataFrame | None) -> datetime:
    """The end of observation: of the labels, or the last transaction."""
    if labels is not None:
        joined = labels.join(tables["customers"].collect(), "customer_id", "inner", validate="1:1")
        end = end_of_observation(joined)
        assert end is not None
        return end
    end = tables["transactions"].select(pl.col("occurred_at").max()).collect().item()
    assert isinstance(end, datetime)
    return end


def sequences_at(tables: Tables, at: datetime, customer_id: pl.Series) -> Sequences:
    """Transactions, contacts and how they ended, steps on the web, up to `at`; rows as `customer_id`."""
    events = pl.concat([*_purchases(tables, at), *_contacts(tables, at), *_steps(tables, at)])
    now = pl.DataFrame({"customer_id": customer_id}).with_columns(
        at=pl.lit(at).cast(pl.Datetime("us", "UTC")), kind=pl.lit("now"), amount=pl.lit(0.0)
    )
    events = events.join(now.select("customer_id"), "customer_id", "semi")
    kinds = ("now", *sorted(set(events["kind"]) - {"now"}))
    numbers = {kind: i + 1 for i, kind in enumerate(kinds)}
    rows = pl.concat([events, now]).with_columns(
        code=pl.col("kind").replace_strict(numbers, return_dtype=pl.Int64), is_now=pl.col("kind") == "now"
    )
    rows = rows.sort("customer_id", "is_now", "at", "code").with_columns(
        gap=days_between(pl.col("at").shift(1).over("customer_id"), pl.col("at")).fill_null(0.0).log1p(),
        back=pl.len().over("customer_id") - 1 - pl.int_range(pl.len()).over("customer_id"),
    )
    rows = rows.filter(pl.col("back") < LENGTH)
    place = {customer: i for i, customer in enumerate(customer_id)}
    row = np.array([place[c] for c in rows["customer_id"]], dtype=np.int64)
    column = LENGTH - 1 - rows["back"].cast(pl.Int64).to_numpy()
    shape = (len(customer_id), LENGTH)
    kind, gap, amount = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    kind[row, column], gap[row, column] = rows["code"].to_numpy(), rows["gap"].to_numpy()
    amount[row, column] = rows["amount"].to_numpy()
    return Sequences(kind, gap, amount, kinds)


def tokens(sequences: Sequences) -> tuple[NDArray[np.int64], list[str]]:
    """Each event with how long after the one before it: `(n, length)` codes from 1 on, and their names."""
    size = np.searchsorted(np.log1p(GAPS), sequences.gap)
    codes = np.where(sequences.kind > 0, (sequences.kind - 1) * len(_KINDS_OF_GAP) + size + 1, 0)
    names = [f"{kind} {when}" for kind in sequences.kinds for when in _KINDS_OF_GAP]
    return codes, names


def _purchases(tables: Tables, at: datetime) -> list[pl.DataFrame]:
    found = tables["transactions"].filter(pl.col("occurred_at") <= at).collect()
    amount = pl.col("amount")
    spent = found.filter(amount >= 0)["amount"]
    usual = [spent.quantile(share) or 0.0 for share in (1 / 3, 2 / 3)]
    kind = (
        pl.when(amount < 0).then(pl.lit("refund"))
        .when(amount <= usual[0]).then(pl.lit("small purchase"))
        .when(amount <= usual[1]).then(pl.lit("purchase"))
        .otherwise(pl.lit("large purchase"))
    )  # fmt: skip
    return [
        found.select(
            "customer_id", at="occurred_at", kind=kind, amount=amount.sign() * amount.abs().log1p() / 5
        )
    ]


def _contacts(tables: Tables, at: datetime) -> list[pl.DataFrame]:
    if "conversations" not in tables:
        return []
    ended = pl.coalesce("ended_at", "started_at")
    found = tables["conversations"].filter((ended <= at) & pl.col("customer_id").is_not_null()).collect()
    if "turns" in tables:
        ends = ends_of_conversations(tables["turns"], tables.get("turn_sentiment"))
        found = found.join(ends, "conversation_id", "left", validate="1:1", maintain_order="left")
    else:
        found = found.with_columns(ends_badly=pl.lit(None, dtype=pl.Boolean))
    outcome = (
        pl.when(pl.col("is_resolved").fill_null(True))
        .then(pl.lit("resolved"))
        .otherwise(pl.lit("unresolved"))
    )
    mood = pl.when(pl.col("ends_badly").fill_null(False)).then(pl.lit(" bad")).otherwise(pl.lit(""))
    kind = pl.concat_str(pl.lit("contact "), outcome, mood)
    return [found.select("customer_id", at=ended, kind=kind, amount=pl.lit(0.0))]


def _steps(tables: Tables, at: datetime) -> list[pl.DataFrame]:
    if "events" not in tables:
        return []
    found = tables["events"].filter(pl.col("occurred_at") <= at).collect()
    return [found.select("customer_id", at="occurred_at", kind="event", amount=pl.lit(0.0))]
