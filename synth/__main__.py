"""`python -m synth`: write a simulated world to a folder.

Only the command line; what its options do is in `knobs` and `worlds`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from cxm.entry import flags_of, give_signature, run_app
from cxm.errors import CxmError, did_you_mean
from synth.knobs import PRESETS, Knobs

app = App(
    name="python -m synth",
    help="Write a simulated brand as a data directory: every input and gold table, and truth.json.",
    help_epilogue="Example: python -m synth --out larkfield --seed 7 --conversations 400",
    help_format="plaintext",
    version_flags=[],
)

Out = Annotated[
    Path, Parameter(help="Folder to write to, made if not there. An earlier world in it is replaced.")
]
Preset = Annotated[
    str,
    Parameter(help=f"Sizes to start from: {', '.join(PRESETS)}; other flags change them further."),
]


def _write(out: Path, preset: str = "default", **given: Any) -> None:
    from synth.disk import write_world
    from synth.truth import TRUTH

    if preset not in PRESETS:
        raise CxmError(f"no preset '{preset}'{did_you_mean(preset, PRESETS)}; there are {', '.join(PRESETS)}")
    values = PRESETS[preset] | {name: value for name, value in given.items() if value is not None}
    counts = write_world(out, Knobs(**values))
    print(f"{len(counts)} tables with {sum(counts.values()):,} rows and {TRUTH} in {out}")


def _build(**values: Any) -> None:
    _write(**values)


give_signature(
    _build,
    [
        inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, annotation=Out),
        inspect.Parameter("preset", inspect.Parameter.KEYWORD_ONLY, annotation=Preset, default="default"),
        *flags_of(Knobs),
    ],
)
app.default(_build)


def main(tokens: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 with one line on stderr for a wrong call."""
    return run_app(app, "error", tokens)


if __name__ == "__main__":
    raise SystemExit(main())
