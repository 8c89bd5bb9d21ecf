"""Columns of any kind to a numeric matrix: planned on training rows, applied to any rows.

Belongs here: what a column of customers becomes (a number, a flag, levels). Which table a column
comes from is the task's business; what is fitted on the matrix stands in `cox`, `hazards` and
`repeat_purchase`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MISSING = "(missing)"
OTHER = "(other)"
_MAX_LEVELS = 20
_MIN_ROWS = 10
_MIN_SHARE = 0.01
_CLIP = 6.0


@dataclass(frozen=True)
class Term:
    """One column of the matrix.

    `level` is set for levels of a category, `reference` is the level they are compared with.
    A number or flag is `(x - center) / scale` (a flag's scale is 1); levels and gaps are 0 or 1.
    """

    name: str
    covariate: str
    kind: str
    center: float = 0.0
    scale: float = 1.0
    level: str | None = None
    reference: str | None = None


Plan = list[Term]


def plan_covariates(frame: pl.DataFrame, skip: tuple[str, ...] = ()) -> Plan:
    """The terms to make of a frame's columns, learned from its rows.

    Levels (and gaps) of fewer than 10 rows or 1 % are merged, at most 20 levels are kept, so a column
    of ids falls away by itself, as do constant and linearly dependent terms, and columns that are
    neither number, boolean nor text (dates say something only beside another date). `skip` names columns,
    or single terms. No rows give [].
    """
    floor = max(_MIN_ROWS, int(np.ceil(_MIN_SHARE * frame.height)))
    terms: Plan = []
    for name in sorted(c for c in frame.columns if c not in skip):
        column = frame[name]
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            terms += _number_terms(name, column, floor)
        elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
            terms += _level_terms(name, _as_levels(column), floor)
    terms = [term for term in terms if term.name not in skip]
    if not terms or not frame.height:
        return []
    matrix = encode(frame, terms)
    return [terms[i] for i in _independent(matrix)]


def gap_of(covariate: str) -> str:
    """The name of the term that says that a number is not known."""
    return f"{covariate} is missing"


def _as_numbers(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite(), None)


def _as_levels(column: pl.Series) -> pl.Series:
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text == "", None).fill_null(MISSING)


def _number_terms(name: str, column: pl.Series, floor: int) -> Plan:
    numbers = _as_numbers(column)
    terms = []
    spread = numbers.std()
    if isinstance(spread, float) and np.isfinite(spread) and spread > 0:
        kind = "flag" if column.dtype == pl.Boolean else "number"
        mean = float(numbers.mean())  # type: ignore[arg-type]
        terms.append(Term(name, name, kind, mean, 1.0 if kind == "flag" else spread))
    if floor <= numbers.null_count() <= len(column) - floor:
        terms.append(Term(gap_of(name), name, "gap"))
    return terms


def _level_terms(name: str, levels: pl.Series, floor: int) -> Plan:
    counts = (
        levels.value_counts()
        .rename({levels.name: "level"})
        .sort(["count", "level"], descending=[True, False])
    )
    kept = counts.filter(pl.col("count") >= floor).head(_MAX_LEVELS)["level"].to_list()
    if not kept:
        return []
    n_other = len(levels) - int(levels.is_in(kept).sum())
    named = [*kept[1:], *([OTHER] if n_other >= floor else [])]
    return [Term(f"{name}={level}", name, "level", level=level, reference=kept[0]) for level in named]


def encode(frame: pl.DataFrame, plan: Plan) -> Matrix:
    """The matrix `(n_rows, n_terms)`; unknown numbers lie at the mean, unknown levels in `(other)`.

    A planned column that is absent counts as missing in every row.
    """
    matrix = np.zeros((frame.height, len(plan)))
    for name in {term.covariate for term in plan}:
        columns = [(i, term) for i, term in enumerate(plan) if term.covariate == name]
        values = frame[name] if name in frame.columns else pl.Series([None] * frame.height, dtype=pl.String)
        is_category = columns[0][1].kind == "level"
        prepared = _as_levels(values) if is_category else _as_numbers(values)
        named = {str(t.level) for _, t in columns} | {str(t.reference) for _, t in columns}
        for i, term in columns:
            matrix[:, i] = _term_values(prepared, term, named)
    return matrix


def _term_values(prepared: pl.Series, term: Term, named: set[str]) -> Matrix:
    if term.level == OTHER:
        values = ~prepared.is_in(list(named))
    elif term.kind == "level":
        values = prepared == term.level
    elif term.kind == "gap":
        values = prepared.is_null()
    else:
        scaled = (prepared.fill_null(term.center).to_numpy() - term.center) / term.scale
        return np.clip(scaled, -_CLIP, _CLIP)
    return values.cast(pl.Float64).to_numpy()


def _independent(matrix: Matrix) -> list[int]:
    """Columns that are not constant nor a linear combination of earlier ones."""
    centred = matrix - matrix.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    left_over = np.zeros(matrix.shape[1])
    diagonal = np.abs(np.diag(np.linalg.qr(centred, mode="r")))
    left_over[: len(diagonal)] = diagonal
    return [i for i, norm in enumerate(norms) if norm > 1e-9 and left_over[i] > 1e-6 * norm]


@dataclass(frozen=True)
class Shown:
    """Values of covariates as people read them, and covariates that are told `together` with another.

    Of two that rise and fall together a model may raise the one and lower the other: only their sum says
    something.
    """

    values: pl.DataFrame
    together: Mapping[str, str] = field(default_factory=dict)


def strongest(contributions: Matrix, plan: Plan, shown: Shown, n: int = 3) -> list[list[dict[str, Any]]]:
    """For each row the `n` covariates that moved it most, as `{covariate, effect, value, words}`.

    `contributions` `(n_rows, n_terms)` to a log hazard or logit are summed over the terms of a covariate, and
    of those told together; those without any effect are left out. `value` is the row's own, as text; `words`
    say both.
    """
    frame = shown.values
    told = [shown.together.get(term.covariate, term.covariate) for term in plan]
    names = sorted(set(told))
    groups = np.zeros((len(plan), len(names)))
    for i, name in enumerate(told):
        groups[i, names.index(name)] = 1.0
    effects = np.round(contributions @ groups, 4) if names else np.zeros((len(contributions), 0))
    order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :n]
    values = [_said(frame, name) for name in names]
    return [
        [_reason(names[j], values[j][i], float(row[j])) for j in columns if row[j]]
        for i, (row, columns) in enumerate(zip(effects, order, strict=True))
    ]


def _said(frame: pl.DataFrame, name: str) -> list[str]:
    """The values of a column in words."""
    if name not in frame.columns:
        return ["unknown"] * frame.height
    column = frame[name]
    if column.dtype == pl.Boolean:
        column = pl.Series(["yes" if v else "no" if v is not None else None for v in column], dtype=pl.String)
    if column.dtype.is_numeric():
        return ["unknown" if v is None or not np.isfinite(v) else _number(v) for v in column]
    return [v or "unknown" for v in column.cast(pl.String)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e12 else f"{value:,.4g}"


def _reason(covariate: str, value: str, effect: float) -> dict[str, Any]:
    factor = float(np.exp(min(abs(effect), 20.0)))
    words = f"{covariate.replace('_', ' ')} ({value}) {'raises' if effect > 0 else 'lowers'} the risk"
    # As a factor on the hazard or odds; one that rounds to 1.0 is not worth a number.
    words += f" {factor:.1f} times" if factor >= 1.05 else " slightly"
    return {"covariate": covariate, "effect": effect, "value": value, "words": words}


def to_facts(plan: Plan) -> list[dict[str, Any]]:
    """The plan as JSON."""
    return [asdict(term) for term in plan]


def from_facts(facts: list[dict[str, Any]]) -> Plan:
    """The plan back from JSON."""
    return [Term(**term) for term in facts]
