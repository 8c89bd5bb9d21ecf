"""Nothing that comes after the moment of prediction changes a risk, with a contract and without."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cxm.tasks.test_churn_survival import END, contract, make_workspace, read_risk, shop


def talks(ids: list[str], n: int = 400, seed: int = 4) -> dict[str, pl.DataFrame]:
    """Contacts of the last year, and everything other tasks say of them."""
    generator = np.random.default_rng(seed)
    key = [f"x{i:04d}" for i in range(n)]
    start = pl.Series([END - timedelta(days=float(d)) for d in generator.uniform(0, 360, n)])
    drawn = {name: generator.random(n) for name in ("resolved", "bad", "driver", "quality", "article")}
    conversations = pl.DataFrame(
        {
            "conversation_id": key,
            "customer_id": generator.choice(ids, n),
            "channel": "chat",
            "started_at": start.cast(pl.Datetime("us", "UTC")),
            "ended_at": (start + timedelta(hours=2)).cast(pl.Datetime("us", "UTC")),
            "handle_seconds": generator.uniform(60, 900, n),
            "is_resolved": drawn["resolved"] < 0.6,
        }
    )
    turns = pl.DataFrame({"conversation_id": key, "turn_index": 0, "speaker": "customer"})
    found = turns.select("conversation_id", "turn_index")
    polarity = np.where(drawn["bad"] < 0.3, "negative", "positive")
    intent = np.where(drawn["driver"] < 0.4, "delay", "invoice")
    return {
        "conversations": conversations,
        "turns": turns.with_columns(text=pl.Series(np.where(drawn["bad"] < 0.3, "terrible", "great"))),
        "turn_sentiment": found.with_columns(
            score=pl.lit(0.0), polarity=pl.Series(polarity), probability=pl.lit(0.9)
        ),
        "predicted_intents": pl.DataFrame(
            {"conversation_id": key, "rank": 1, "intent": intent, "probability": 0.9, "is_abstained": False}
        ),
        "quality_answers": pl.DataFrame(
            {
                "conversation_id": key,
                "criterion": "greeting",
                "answer": np.where(drawn["quality"] < 0.5, "yes", "no"),
                "probability": 0.9,
                "evidence_turns": [[0]] * n,
                "explanation": "",
            }
        ),
        "prepared_replies": found.with_columns(
            article_ids=pl.Series([["k1"] if a < 0.3 else ["k3"] for a in drawn["article"]]),
            citations=pl.lit("[]"),
            status=pl.lit("answered"),
        ),
        "article_findings": pl.DataFrame(
            {
                "left_article_id": ["k1"],
                "right_article_id": ["k2"],
                "relation": ["contradictory"],
                "left_quote": ["a"],
                "right_quote": ["b"],
                "score": [0.9],
            }
        ),
    }


def moved(tables: dict[str, pl.DataFrame], after: datetime, days: int) -> dict[str, pl.DataFrame]:
    """The same with every row of after a moment that many days later, and told otherwise."""
    found = dict(tables)
    conversations = tables["conversations"]
    is_later = pl.col("ended_at") > after
    later = conversations.filter(is_later)["conversation_id"].implode()
    shift = pl.duration(days=days)
    ends = (
        pl.when(is_later).then(pl.col(c) + shift).otherwise(c).alias(c) for c in ("started_at", "ended_at")
    )
    found["conversations"] = conversations.with_columns(
        *ends, is_resolved=pl.when(is_later).then(~pl.col("is_resolved")).otherwise("is_resolved")
    )
    changes = {"turn_sentiment": ("polarity", "negative"), "predicted_intents": ("intent", "other"),
               "quality_answers": ("answer", "no")}  # fmt: skip
    for name, (column, value) in changes.items():
        of_later = pl.col("conversation_id").is_in(later)
        found[name] = tables[name].with_columns(
            pl.when(of_later).then(pl.lit(value)).otherwise(column).alias(column)
        )
    if "transactions" in tables:
        at = pl.col("occurred_at")
        found["transactions"] = tables["transactions"].with_columns(
            occurred_at=pl.when(at > after).then(at + shift).otherwise(at),
            amount=pl.when(at > after).then(pl.col("amount") * 3).otherwise("amount"),
        )
    return found


def both_risks(tmp_path: Path, name: str, tables: dict[str, pl.DataFrame], at: datetime):
    workspace = make_workspace(tmp_path / name, **tables)
    params = {"as_of": at.isoformat(), "backtest_days": 45, "horizons": "30,45"}
    return [read_risk(workspace, table, **params) for table in ("churn_risk", "churn_backtest")]


@pytest.mark.parametrize("has_contract", [True, False])
def test_whatever_happens_after_the_moment_of_prediction_changes_nothing(tmp_path, has_contract):
    at = END - timedelta(days=60)
    if has_contract:
        customers, labels = contract(400, dated=True)
        tables = {
            "customers": customers,
            "churn_labels": labels,
            **talks(customers["customer_id"].to_list()),
        }
        tenure = customers.select("customer_id", tenure=(pl.lit(at) - pl.col("joined_at")).dt.total_days())
        days, is_later = pl.col("duration_days"), pl.col("duration_days") > pl.col("tenure") + 1
        # Who left, or was last seen, after the moment: later, and with the other outcome.
        other = labels.join(tenure, "customer_id").select(
            "customer_id",
            duration_days=pl.when(is_later).then(days + 20).otherwise(days),
            is_churned=pl.col("is_churned") ^ is_later,
            split="split",
        )
        change = {"churn_labels": other}
    else:
        tables = {"transactions": shop(80), **talks([f"c{i:03d}" for i in range(80)])}
        change = {}
    risk, backtest = both_risks(tmp_path, "first", tables, at)
    later_risk, later_backtest = both_risks(tmp_path, "second", moved(tables, at, 20) | change, at)
    assert risk.equals(later_risk)
    assert backtest.equals(later_backtest)
    # Of what came between the backtest's own moment and this one, only the backtest knows nothing.
    between = moved(tables, at - timedelta(days=45), 20)
    changed_risk, same_backtest = both_risks(tmp_path, "third", between, at)
    assert backtest.equals(same_backtest)
    assert not risk.equals(changed_risk)
    told = ("driver", "answer quality", "contradiction", "contact", "conversation", "handle minutes")
    is_told = any(name in " ".join(risk["top_reasons"]) for name in told)
    assert is_told or not has_contract  # how often these customers buy tells all there is
