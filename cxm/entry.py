"""How a command line of ours begins and ends: flags from `Params`; an exit code, one line on stderr.

`cxm`, `python -m synth`, `python -m reports` and `python -m assets` all end here. What a command
does belongs in its own module.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from cxm.errors import CxmError

if TYPE_CHECKING:
    from cyclopts import App

_MOST_LINES = 10_000


def flags_of(params: type) -> list[inspect.Parameter]:
    """A keyword for each field of a `Params` class, None where not given, with its help and default."""
    from cyclopts import Parameter

    hints = get_type_hints(params)
    return [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[
                hints[f.name] | None,
                Parameter(help=f"{f.metadata['help']} [default: {f.default}]", negative=""),
            ],
            default=None,
        )
        for f in fields(params)
    ]


def give_signature(command: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Let the command line read these parameters where `command` itself takes `**values`."""
    command.__signature__ = inspect.Signature(list(parameters))
    command.__annotations__ = {p.name: p.annotation for p in parameters}


def show_progress() -> None:
    """Progress of `cxm` on stderr: line by line for a person, when the command ends for a script.

    A script that reads stderr gets one line where the command fails, the one that says why.
    """
    shown: logging.Handler = logging.StreamHandler(sys.stderr)
    if not sys.stderr.isatty():
        shown = MemoryHandler(_MOST_LINES, flushLevel=logging.CRITICAL, target=shown)
    logging.basicConfig(format="%(message)s", handlers=[shown])
    logging.getLogger("cxm").setLevel(logging.INFO)


def run_app(app: App, prefix: str, arguments: Sequence[str] | None = None) -> int:
    """Call a cyclopts app and return its exit code.

    0 or what the command returned; 2 (or the error's own code) with `prefix: message` on stderr for
    a wrong call or a `CxmError`; 130 when interrupted. Any other exception is a fault of ours and
    passes through.
    """
    from cyclopts import CycloptsError, UnusedCliTokensError

    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that lacks a character gets a substitute, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        words = str(error)
        words = words if words.endswith("...") else words.removesuffix(".")
        if isinstance(error, UnusedCliTokensError):
            left = " ".join(error.unused_tokens or ())
            words = f"'{left}' was not expected; a text of several words stands in quotes"
        command = " ".join([*app.name, *(error.command_chain or ())])
        return _fail(prefix, f"{words}; see `{command} --help`", 2)
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
    for handler in logging.getLogger().handlers:
        if isinstance(handler, MemoryHandler):
            handler.buffer.clear()
    line = " ".join(message.split()).encode("utf-8", "replace").decode()
    print(f"{prefix}: {line}", file=sys.stderr)
    return code
