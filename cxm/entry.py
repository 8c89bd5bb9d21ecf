"""How a command line of ours ends: an exit code, and one line on stderr where it cannot answer.

`cxm`, `python -m synth`, `python -m reports` and `python -m assets` all end here. What a command
does belongs in its own module.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cxm.errors import CxmError

if TYPE_CHECKING:
    from cyclopts import App


def run_app(app: App, prefix: str, arguments: Sequence[str] | None = None) -> int:
    """Call a cyclopts app and return its exit code.

    0 or what the command returned; 2 (or the error's own code) with `prefix: message` on stderr for
    a wrong call or a `CxmError`; 130 when interrupted. Any other exception is a fault of ours and
    passes through.
    """
    from cyclopts import CycloptsError

    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that lacks a character gets a substitute, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        words = str(error)
        words = words if words.endswith("...") else words.removesuffix(".")
        return _fail(prefix, f"{words}; see `{' '.join(app.name)} --help`", 2)
    except CxmError as error:
        return _fail(prefix, str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(prefix, f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 2)
    except KeyboardInterrupt:
        return _fail(prefix, "stopped", 130)
    return code if isinstance(code, int) else 0


def _fail(prefix: str, message: str, code: int) -> int:
    line = " ".join(message.split()).encode("utf-8", "replace").decode()
    print(f"{prefix}: {line}", file=sys.stderr)
    return code
