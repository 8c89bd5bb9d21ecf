"""`cxm labels`: labels go out for review and come back.

What an import does to rows stands in `cxm.importers`.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from cyclopts import App

from cxm import store
from cxm.cli.output import OUT, Json, UnusedOut, answer_without_command, note, print_json
from cxm.errors import CxmError, did_you_mean
from cxm.tables import TABLES

_SEED = 7
# Of what is sent out for review; who has not answered yet leaves it empty.
_ANSWER = "answer"

labels = App(name="labels", help="Send labels out for review and take them back.")
answer_without_command(labels)


@labels.command(
    name="export",
    help_epilogue="Example: cxm labels export review.jsonl --table quality_labels --data data",
)
def export_labels(
    file: Path,
    /,
    *,
    table: str = "quality_labels",
    review: int = 0,
    data: Path,
    out: UnusedOut = OUT,
    json: Json = False,
) -> int:
    """Write a gold table as JSON Lines for review.

    With --review, conversations nobody has judged yet are added for reviewers to fill in `answer` (yes, no,
    not_applicable) and `evidence_turns`. They are drawn at random and without our answers beside them:
    only so do they show how far those can be trusted.

    Parameters
    ----------
    file
        JSON Lines file to write.
    table
        The gold table.
    review
        Conversations without labels to add, each with every criterion of the scorecard.
    data
        Data directory.
    """
    _check_gold(table)
    if review < 0 or (review and table != "quality_labels"):
        raise CxmError("--review takes a number of conversations, and is for quality_labels")
    has_labels = table in store.tables_in(data)[0]
    if not has_labels and not review and table == "quality_labels":
        raise CxmError(f"no table '{table}' in {data}; to begin one, add --review 20 and fill in the answers")
    rows = store.scan(data, table).collect() if has_labels or not review else TABLES[table].empty()
    if review:
        asked = _ask(data, rows["conversation_id"], review)
        rows = pl.concat([rows, asked], how="diagonal_relaxed") if rows.height else asked
    with store.atomic_path(file) as temporary:
        rows.write_ndjson(temporary)
    print_json({"file": str(file), "rows": rows.height}) if json else print(
        f"{rows.height:,} labels in {file}"
    )
    return 0


def _ask(data: Path, labelled: pl.Series, n: int) -> pl.DataFrame:
    """Every criterion of `n` conversations in which an agent speaks, the answer left empty."""
    spoken = store.scan(data, "turns").filter(pl.col("speaker") == "agent").select("conversation_id").unique()
    unknown = spoken.filter(~pl.col("conversation_id").is_in(labelled.unique().implode())).collect()
    drawn = unknown.sort("conversation_id").sample(min(n, unknown.height), seed=_SEED).sort("conversation_id")
    criteria = store.scan(data, "scorecard").sort("criterion").select("criterion", "question").collect()
    return drawn.join(criteria, how="cross").with_columns(
        pl.lit(None, pl.String).alias(_ANSWER),
        pl.lit([], pl.List(pl.Int32)).alias("evidence_turns"),
        split=pl.lit("train"),
    )


@labels.command(
    name="import",
    help_epilogue="Example: cxm labels import review.jsonl --table quality_labels --data data",
)
def import_labels(
    file: Path, /, *, table: str = "quality_labels", data: Path, out: UnusedOut = OUT, json: Json = False
) -> int:
    """Take reviewed labels back into a gold table; rows with the same key are replaced.

    Rows nobody has answered yet and columns the table does not have are passed over. Rows without a
    `split` are learned from (train).

    Parameters
    ----------
    file
        JSON Lines file as `export` writes it.
    table
        The gold table.
    data
        Data directory; its gold table is written.
    """
    from cxm.importers import import_labels as bring

    _check_gold(table)
    summary = bring(file, data, table)
    print_json(summary.as_dict()) if json else print(summary)
    note("used at the next run")
    return 0


def _check_gold(table: str) -> None:
    gold = [name for name, declared in TABLES.items() if declared.kind == "gold"]
    if table not in gold:
        raise CxmError(f"'{table}' is not a gold table" + did_you_mean(table, gold))
