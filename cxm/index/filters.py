"""Which articles a search is about: by kind, section, language and age.

A condition on articles belongs here; it holds before anything is ranked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Filter:
    """Conditions that all have to hold; None stands for no condition.

    `section`: the first steps of a section path (`Shipping > Methods`), in any case. `language`: its
    tag or the first part of it (`en` holds for `en-GB`). `updated_since`: UTC; articles of unknown age
    do not pass.
    """

    kind: str | None = None
    section: str | None = None
    language: str | None = None
    updated_since: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether every article passes."""
        return self == Filter()

    def passes(self, articles: pl.DataFrame) -> NDArray[np.bool_]:
        """Whether each article passes `(n_articles,)`; `articles` has the columns of the table."""
        conditions = [pl.repeat(True, pl.len())]
        if self.kind is not None:
            conditions.append(pl.col("kind") == self.kind)
        if self.language is not None:
            tag = pl.col("language").str.to_lowercase().str.replace_all("_", "-")
            wanted = self.language.lower().replace("_", "-")
            conditions.append((tag == wanted) | tag.str.starts_with(wanted + "-"))
        if self.section is not None:
            steps = pl.col("section").str.to_lowercase().str.replace_all(r"\s*>\s*", ">").str.strip_chars()
            wanted = ">".join(step.strip() for step in self.section.lower().split(">"))
            conditions.append((steps == wanted) | steps.str.starts_with(wanted + ">"))
        if self.updated_since is not None:
            since = self.updated_since
            since = since.replace(tzinfo=UTC) if since.tzinfo is None else since
            conditions.append(pl.col("updated_at") >= since)
        passed = articles.select(pl.all_horizontal(conditions).fill_null(value=False))
        return passed.to_series().to_numpy()
