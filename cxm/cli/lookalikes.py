"""`cxm lookalike`: customers most like a given set, and how many of the set are found again.

The ranking itself is in `cxm.methods.lookalikes`; reading the set and showing the result belong here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cxm.cli.output import OUT, Data, Json, Out, note, print_json, print_rows
from cxm.cli.shots import Count
from cxm.errors import CxmError
from cxm.workspace import Workspace


def lookalike(
    *,
    seed: Path,
    data: Data,
    out: Out = OUT,
    n: Count = 20,
    currency: str | None = None,
    json: Json = False,
) -> int:
    """Customers most like a given set, and how many of the set are found again where they are held out.

    Parameters
    ----------
    seed
        CSV with a column customer_id.
    currency
        Currency to look at, needed where there are several.
    """
    from cxm.methods.lookalikes import rank_lookalikes
    from cxm.methods.rfm import in_one_currency

    workspace = Workspace(data, out)
    given = _read_ids(seed)
    found = rank_lookalikes(in_one_currency(workspace.read("transactions"), currency), given)
    if found.n_seeds < len(given):
        note(f"{len(given) - found.n_seeds} of the {len(given)} given customers have no transaction")
    rows = found.ranked.head(n).to_dicts()
    if not json:
        print_rows(rows)
    if found.lift is None:
        note("fewer than 10 of the given customers have a transaction: no lift can be measured")
        lift = dict.fromkeys(("lift_at_decile", "lift_low", "lift_high", "lift_n", "lift_rfm_nearest"))
    else:
        value, low, high = found.lift.value, found.lift.low, found.lift.high
        note(
            f"lift in the top tenth, given customers held out: {value:.2f} ({low:.2f} to {high:.2f}; "
            f"n = {found.lift.n:,}); nearest by recency, frequency and monetary: {found.rfm_lift:.2f}; "
            "at random: 1"
        )
        lift = {
            "lift_at_decile": value,
            "lift_low": low,
            "lift_high": high,
            "lift_n": found.lift.n,
            "lift_rfm_nearest": found.rfm_lift,
        }
    if json:
        print_json([row | lift for row in rows])
    return 0


def _read_ids(path: Path) -> list[str]:
    """The distinct customers a CSV names; one line says what is wrong with it."""
    try:
        given = pl.read_csv(path.read_bytes(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise CxmError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from error
    if "customer_id" not in given.columns:
        raise CxmError(f"{path} has no column customer_id (it has: {', '.join(given.columns)[:200]})")
    ids = {name.strip() for name in given["customer_id"].drop_nulls()} - {""}
    if not ids:
        raise CxmError(f"{path} names no customer: its column customer_id is empty")
    return sorted(ids)
