"""`python -m benchmarks [NAME ...]`: run all benchmarks, or the named ones."""

from __future__ import annotations

import sys

from benchmarks import (
    commands,
    customers,
    discovery,
    encoder,
    experience_cost,
    experiments,
    feelings,
    feet,
    intents,
    page,
    planted_segments,
    recovery,
    redaction,
    refinement,
    report,
    scores,
    search,
    segments,
    sentiment,
    tools,
    watch,
    world,
)

BENCHMARKS = {
    "encoder": encoder,
    "commands": commands,
    "scores": scores,
    "discovery": discovery,
    "intents": intents,
    "feet": feet,
    "search": search,
    "refinement": refinement,
    "tools": tools,
    "customers": customers,
    "segments": segments,
    "planted_segments": planted_segments,
    "experiments": experiments,
    "sentiment": sentiment,
    "feelings": feelings,
    "world": world,
    "recovery": recovery,
    "experience_cost": experience_cost,
    "report": report,
    "page": page,
    "watch": watch,
    "redaction": redaction,
}


def main(names: list[str]) -> int:
    """Print the figures; 2 for an unknown name."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark '{unknown[0]}'; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        for figure in BENCHMARKS[name].run():
            print(figure, flush=True)
    return 0


sys.exit(main(sys.argv[1:]))
