"""`python -m synth`: write a simulated world to a folder.

Only the command line; what its options do is in `knobs` and `worlds`.
"""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from cxm.entry import run_app
from synth.knobs import Knobs
from synth.worlds import TRUTH, write_world

app = App(name="python -m synth", help_format="plaintext", version_flags=[])


@app.default
def build(
    *,
    out: Path,
    seed: int = Knobs.seed,
    conversations: int = Knobs.conversations,
    customers: int = Knobs.customers,
    weeks: int = Knobs.weeks,
) -> None:
    """Write a simulated retailer as a data directory: every input and gold table, and truth.json.

    Example: python -m synth --out larkfield --seed 7 --conversations 400

    Parameters
    ----------
    out
        Folder to write to; made if it is not there. An earlier world in it is replaced.
    seed
        Whole number from 0 that determines everything random; the same seed gives the same bytes.
    conversations
        Number of conversations, from 1. Members' own contacts come first (about one and a half a
        member in 12 weeks), or a sample of them; the rest are callers who were not identified.
    customers
        Number of members, from 1. More of them leave those of a smaller world as they were.
    weeks
        Weeks with conversations, from 1, up to Sunday 2026-08-02. From 4 on, the last one is the
        week of the incident. Purchases and leaving are observed for 78 weeks at least.
    """
    world = write_world(out, seed, conversations, customers, weeks)
    rows = sum(frame.height for frame in world.tables.values())
    print(f"{len(world.tables)} tables with {rows:,} rows and {TRUTH} in {out}")


def main(tokens: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 with one line on stderr for a wrong call."""
    return run_app(app, "error", tokens)


if __name__ == "__main__":
    raise SystemExit(main())
