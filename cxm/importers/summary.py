"""What an import did, for a person and as JSON.

Counts and words only; they are found in `run`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableSummary:
    """What became of the rows read for one table: n_read = n_good + n_bad + n_duplicate.

    `n_duplicate` rows were exactly equal to an earlier one, `n_skipped` ones (not part of `n_read`)
    were empty where the mapping says to skip them. Of the good rows, `n_new` have a key that the table
    did not have and `n_changed` replaced a row; `n_rows` is the size of the table afterwards.
    `reasons` counts the bad rows of each reason (a row may have several), the commonest first;
    `examples` are the first bad cells in words.
    """

    table: str
    n_read: int
    n_good: int
    n_bad: int
    n_duplicate: int
    n_skipped: int = 0
    n_new: int = 0
    n_changed: int = 0
    n_rows: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    quarantine: str | None = None

    @property
    def bad_share(self) -> float:
        """Bad rows of those read; 0 if none were read."""
        return self.n_bad / self.n_read if self.n_read else 0.0

    def __str__(self) -> str:
        counts = f"{self.n_good:,} good, {self.n_bad:,} bad, {self.n_duplicate:,} duplicate"
        skipped = f", {self.n_skipped:,} skipped" if self.n_skipped else ""
        table = f"{self.n_new:,} new, {self.n_changed:,} changed, {self.n_rows:,} rows in all"
        lines = [f"{self.table}: {self.n_read:,} read: {counts}{skipped} ({table})"]
        lines += [f"  {count:,} x {reason}" for reason, count in self.reasons.items()]
        lines += [f"  e.g. {example}" for example in self.examples]
        if self.quarantine:
            lines.append(f"  set aside in {self.quarantine}")
        return "\n".join(lines)


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, or with `is_dry_run` would do."""

    source: str
    to: str
    is_dry_run: bool
    tables: list[TableSummary]
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"{self.source} -> {self.to}" + (" (dry run: nothing written)" if self.is_dry_run else "")
        return "\n".join([head, *(str(table) for table in self.tables), *(f"note: {n}" for n in self.notes)])

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for `--json`."""
        return asdict(self)
