"""What is known about a reason for contact in the week: how it ended, what the knowledge base says.

Clauses for the sentences in `changes`, each from tables and left out where it has too few rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from cxm.workspace import Workspace
from reports import periods, words
from reports.contacts import NO_DRIVER

_FEWEST = 10
_LEAST_PART = 0.3
_MOST_ARTICLES = 3
_LEAST_UNANSWERED = 0.3


@dataclass
class DriverFacts:
    """Facts by driver; `contacts` as `build_contacts` makes them, None without conversations."""

    workspace: Workspace
    contacts: pl.DataFrame | None
    period: str

    @property
    def is_known(self) -> bool:
        """Whether conversations have a driver."""
        return self.contacts is not None and self.contacts["driver"].null_count() < self.contacts.height

    @property
    def is_whole_week(self) -> bool:
        """Whether the data reaches the end of the week, so that its counts can be compared."""
        if self.contacts is None or self.contacts.is_empty():
            return False
        return periods.is_complete(self.period, self.contacts["data_ends_at"][0])

    def shares(self) -> pl.DataFrame:
        """driver, period, n, n_new, total, share: every driver in every week up to the period.

        `n_new` leaves out follow-ups: they come in clusters, so chance makes more of them.
        """
        if self.contacts is None:
            return pl.DataFrame()
        known = self.contacts.filter(pl.col("driver").is_not_null())
        totals = known.group_by("period").agg(total=pl.len().cast(pl.Int64))
        is_new = ~pl.col("is_follow_up")
        counts = known.group_by("driver", "period").agg(
            n=pl.len().cast(pl.Int64), n_new=is_new.sum().cast(pl.Int64)
        )
        return (
            totals.join(known.select("driver").unique(), how="cross")
            .join(counts, on=["driver", "period"], how="left", validate="1:1")
            .with_columns(pl.col("n", "n_new").fill_null(0))
            .with_columns(share=pl.col("n") / pl.col("total"))
            .sort("driver", "period")
        )

    def say_about(self, driver: str) -> list[str]:
        """Clauses about the week's conversations of a driver."""
        clauses = (
            self._say_unresolved(driver),
            self._say_contradictions(driver),
            self._say_unanswered(driver),
        )
        return [clause for clause in clauses if clause]

    def say_share_of_change(self, measure: pl.Expr) -> str:
        """Which driver makes most of the step of a mean from the week before, as a clause.

        The step is the sum over drivers of share x (mean - the week before's mean of all), this week
        less the week before; empty where no driver makes three tenths of it.
        """
        if not self.is_known or self.contacts is None:
            return ""
        weeks = [periods.week_before(self.period), self.period]
        rows = (
            self.contacts.filter(pl.col("period").is_in(weeks))
            .select("period", "driver", value=measure.cast(pl.Float64))
            .drop_nulls()
        )
        totals = rows.group_by("period").agg(mean=pl.col("value").mean(), total=pl.len())
        means = dict(totals.select("period", "mean").iter_rows())
        step = means.get(weeks[1], 0.0) - means.get(weeks[0], 0.0)
        if len(means) < 2 or not step:
            return ""
        sign = pl.when(pl.col("period") == weeks[1]).then(1.0).otherwise(-1.0)
        parts = (
            rows.join(totals, on="period", how="left", validate="m:1")
            .group_by("driver")
            .agg(
                part=(sign * (pl.col("value") - means[weeks[0]]) / pl.col("total")).sum() / step,
                n=pl.len(),
            )
            .filter(pl.col("n") >= _FEWEST, pl.col("driver") != NO_DRIVER)
            .sort(["part", "driver"], descending=[True, False])
        )
        if parts.is_empty() or parts["part"][0] < _LEAST_PART:
            return ""
        part = words.percent(min(parts["part"][0], 1.0))
        return f"; “{words.readable(parts['driver'][0])}” makes {part} of it"

    def _week_of(self, driver: str) -> pl.DataFrame:
        assert self.contacts is not None
        return self.contacts.filter(pl.col("period") == self.period, pl.col("driver") == driver)

    def _say_unresolved(self, driver: str) -> str:
        marks = self._week_of(driver)["is_resolved"].drop_nulls()
        if marks.len() < _FEWEST:
            return ""
        return f"{words.percent(1 - float(marks.mean()))} of them ended unresolved"  # type: ignore[arg-type]

    @cached_property
    def _replies(self) -> pl.DataFrame | None:
        if not self.workspace.has("prepared_replies"):
            return None
        return (
            self.workspace.read("prepared_replies")
            .select("conversation_id", "article_ids", "status")
            .collect()
        )

    def _say_contradictions(self, driver: str) -> str:
        """Contradicting pairs whose two articles both answer the driver's conversations."""
        if self._replies is None or not self.workspace.has("article_findings"):
            return ""
        mine = self._replies.join(self._week_of(driver), on="conversation_id", how="semi")
        used = mine.select(pl.col("article_ids").list.head(_MOST_ARTICLES).explode()).drop_nulls()
        often = used.to_series().value_counts().filter(pl.col("count") > 1)["article_ids"].to_list()
        pairs = (
            self.workspace.read("article_findings")
            .filter(
                pl.col("relation") == "contradictory",
                pl.col("left_article_id").is_in(often),
                pl.col("right_article_id").is_in(often),
            )
            .select(pl.len())
            .collect()
            .item()
        )
        if not pairs:
            return ""
        return (
            "two of the articles that answer them contradict each other"
            if pairs == 1
            else (f"{words.integer(pairs)} pairs of the articles that answer them contradict each other")
        )

    def _say_unanswered(self, driver: str) -> str:
        if self._replies is None:
            return ""
        mine = self._replies.join(self._week_of(driver), on="conversation_id", how="semi")
        missing = mine.filter(pl.col("status") == "no_article")["conversation_id"].n_unique()
        n = mine["conversation_id"].n_unique()
        if n < _FEWEST or missing < _LEAST_UNANSWERED * n:
            return ""
        return f"no article answers {words.percent(missing / n)} of them"
