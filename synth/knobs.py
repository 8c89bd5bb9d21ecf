"""What can be set about a world, and which values are impossible.

A new knob is a field here with its help text and its check; the command line derives from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cxm.errors import CxmError

END = datetime(2026, 8, 3, tzinfo=UTC)
"""Observation ends before this moment, a Monday 0:00, so the last full week is 2026-W31."""

_LIMITS = {
    "seed": (0, 2**63 - 1, "streams are drawn from a whole number that is not negative"),
    "conversations": (1, 1_000_000, "a world without conversations has nothing to analyse"),
    "customers": (1, 1_000_000, "contacts and purchases are made by customers"),
    "weeks": (1, 520, "contacts need time to happen in"),
}


@dataclass(frozen=True)
class Knobs:
    """Seed and sizes of a world; raises `CxmError` for an impossible value."""

    seed: int = 7
    conversations: int = 400
    customers: int = 300
    weeks: int = 12

    def __post_init__(self) -> None:
        wrong = [
            f"--{name} {getattr(self, name)} is impossible: {reason}; use {low:,} to {high:,}"
            for name, (low, high, reason) in _LIMITS.items()
            if not low <= getattr(self, name) <= high
        ]
        if wrong:
            raise CxmError("; ".join(wrong))

    @property
    def contacts_begin(self) -> datetime:
        """Monday of the first week with conversations."""
        return END - timedelta(weeks=self.weeks)

    @property
    def observation_begins(self) -> datetime:
        """Since when customers are observed: 18 months, and half a year before the first contact."""
        return END - timedelta(weeks=max(78, self.weeks + 26))

    @property
    def incident_begins(self) -> datetime | None:
        """Monday of the incident week, the last one; None in a world too short to see it in."""
        return END - timedelta(weeks=1) if self.weeks >= 4 else None
