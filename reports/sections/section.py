"""What a section is made of: evidence in, a story out, and the story any task can tell.

The stories of the eight tasks stand beside this module. Numbers are put in words by
`reports.words`, charts drawn by `reports.figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

import polars as pl

from cxm import store
from cxm.metrics import METRICS
from cxm.task import Task
from cxm.workspace import Workspace
from reports import periods, words
from reports.figures import Figure, draw_intervals
from reports.kpis import currency_of

MOST_ROWS = 12


@dataclass
class Evidence:
    """What a section is told from: the results and scores of one task, and the week reported."""

    task: Task
    workspace: Workspace
    manifest: dict[str, Any]
    scores: list[dict[str, Any]]
    period: str | None

    def result(self, name: str) -> pl.LazyFrame | None:
        """A result table the task wrote (and checked then); None if it did not."""
        if name not in self.manifest["writes"]:
            return None
        return pl.scan_parquet(store.files(self.workspace.out, name), glob=False)

    def table(self, name: str) -> pl.LazyFrame | None:
        """An input table; None if it is not there."""
        return self.workspace.read(name) if self.workspace.has(name) else None

    @cached_property
    def weeks(self) -> pl.LazyFrame | None:
        """conversation_id, period of the conversations up to the week reported; None without any."""
        conversations = self.table("conversations")
        if conversations is None or self.period is None:
            return None
        until = conversations.filter(pl.col("started_at") < periods.end_of(self.period))
        return until.select("conversation_id", period=periods.week_expr("started_at"))

    def in_period(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The rows of the week's conversations; all rows where conversations have no week."""
        if self.weeks is None:
            return frame
        now = self.weeks.filter(pl.col("period") == self.period).select("conversation_id")
        return frame.join(now, on="conversation_id", how="semi")

    @cached_property
    def currency(self) -> str | None:
        """The one currency of the transactions; None if it is unknown or mixed."""
        return currency_of(self.workspace)

    def score(self, metric: str) -> dict[str, Any] | None:
        """The row of `scores` with that metric."""
        return next((row for row in self.scores if row["metric"] == metric), None)

    def name_rows(self, table: str, key: str, column: str, values: Sequence[str]) -> dict[str, str]:
        """Readable names of keys, e.g. the titles of articles; the key itself where there is none."""
        frame = self.table(table)
        names = dict.fromkeys(values, "")
        if frame is not None:
            found = frame.filter(pl.col(key).is_in(list(names))).select(key, column).collect()
            names |= dict(found.iter_rows())
        return {value: words.excerpt(name or value, 90) for value, name in names.items()}


@dataclass(frozen=True)
class Mark:
    """A piece of text, marked or not."""

    text: str
    is_marked: bool


@dataclass(frozen=True)
class Grid:
    """A table to show: header cells, rows of texts, and where the rows left out are.

    `numeric`: positions of columns set to the right; `narrow`: of those kept on one line; `ids`: of those
    that hold ids of rows, which are never masked.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    file: str
    n_rows: int
    numeric: tuple[int, ...] = ()
    narrow: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()

    @property
    def n_more(self) -> int:
        """Rows that are in the file only."""
        return self.n_rows - len(self.rows)


@dataclass(frozen=True)
class Pair:
    """Two quotes side by side, the words that differ marked; `notes`: what helps to decide which is right."""

    relation: str
    confidence: str
    left_title: str
    right_title: str
    left: tuple[Mark, ...]
    right: tuple[Mark, ...]
    notes: str = ""


@dataclass(frozen=True)
class Story:
    """What a section says.

    `finding`: what the results show, in a sentence or two. `quality`: how far to trust them.
    """

    finding: str
    figures: tuple[Figure, ...] = ()
    grids: tuple[Grid, ...] = ()
    pairs: tuple[Pair, ...] = ()
    n_more_pairs: int = 0
    quality: str = ""


_QUOTED = {"turns", "queries"}


def may_quote(task: Task, workspace: Workspace) -> bool:
    """Whether the texts of a task's results may hold what customers said."""
    return bool(_QUOTED & set(task.inputs)) and workspace.has("turns")


def mask_quotes(story: Story, task: Task, workspace: Workspace) -> Story:
    """The story with personal data masked in the cells of its tables that may quote a customer.

    Those are texts, not numbers or ids.
    """
    if not story.grids or not may_quote(task, workspace):
        return story

    def masked(grid: Grid) -> Grid:
        fixed = {*grid.numeric, *grid.narrow, *grid.ids}
        rows = [
            tuple(cell if i in fixed else workspace.redactor.mask(cell) for i, cell in enumerate(row))
            for row in grid.rows
        ]
        return replace(grid, rows=rows)

    return replace(story, grids=tuple(masked(grid) for grid in story.grids))


def metric_label(name: str) -> str:
    """The label of a metric, its readable name where it has none."""
    return METRICS[name].label if name in METRICS else words.sentence_case(words.readable(name))


def metric_value(name: str, value: float | None, n: int | None = None) -> str:
    """A metric's value with sensible digits: shares in percent."""
    if value is None:
        return "–"
    if name in METRICS and METRICS[name].doc.startswith("Share"):
        return words.percent(value, 1000)
    if abs(value) >= 100 or name.startswith("n_"):
        return words.integer(value)
    return words.decimal(value, 3)


def say_score(
    evidence: Evidence, lead: str, metric: str, rows: str, is_share: bool = True, naive: str | None = None
) -> str:
    """`lead 67 % of the rows (n = 79; naive method: 61 %).`, empty without the score.

    `naive` names the naive method, the task's own name of it by default.
    """
    score = evidence.score(metric)
    if score is None:
        return ""

    def say(value: float) -> str:
        return words.percent(value, score["n"]) if is_share else words.decimal(value)

    text = f"{lead} {say(score['value'])}{' of ' if rows else ''}{rows} ({words.counted(score['n'])}"
    if score["baseline"] is not None:
        text += f"; {naive or evidence.task.naive_name}: {say(score['baseline'])}"
    return text + ")."


def draw_scores(evidence: Evidence) -> tuple[Figure, ...]:
    """The scores between 0 and 1 with their intervals, baselines beside them; none without scores."""
    rows = [
        {"label": metric_label(row["metric"]), **row}
        for row in evidence.scores
        if row["metric"] != "coverage" and row["low"] is not None and row["low"] >= -1 and row["high"] <= 1
    ]
    if not rows:
        return ()
    keep = ("label", "value", "low", "high", "baseline")
    rows = [{key: row[key] for key in keep} for row in rows]
    caption = (
        f"Scores on test rows with 95 % intervals; diamonds: {words.readable(evidence.task.naive_name)}."
    )
    return (draw_intervals(f"{evidence.task.name}-scores", rows, "score", caption),)


def tell_scores(evidence: Evidence) -> Story:
    """The story any task can tell: how many rows it wrote and how well it scored."""
    name = evidence.task.writes[0]
    results = evidence.result(name)
    n_rows = 0 if results is None else int(results.select(pl.len()).collect().item())
    finding = f"{words.plural(n_rows, 'row')} in {words.readable(name)}."
    first = evidence.scores[0]["metric"] if evidence.scores else ""
    quality = say_score(evidence, f"{metric_label(first)}:", first, "", is_share=False) if first else ""
    return Story(finding, draw_scores(evidence), quality=quality)


def mark_differences(left: str, right: str, limit: int = 400) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Both texts as pieces, those words marked that the other one does not have in that place."""
    a, b = words.excerpt(left, limit).split(), words.excerpt(right, limit).split()
    pieces: tuple[list[Mark], list[Mark]] = ([], [])
    matcher = SequenceMatcher(None, [_bare(w) for w in a], [_bare(w) for w in b], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        for side, run in zip(pieces, (a[a0:a1], b[b0:b1]), strict=True):
            if run:
                side.append(Mark(" ".join(run), tag != "equal"))
    return tuple(pieces[0]), tuple(pieces[1])


def _bare(word: str) -> str:
    return word.strip(".,;:!?()\"'").casefold() or word
