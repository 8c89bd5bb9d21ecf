"""Errors a user can act on, each one line: what, where, how many, remedy.

Add a child only when a caller has to tell it apart. Never raise these for a fault in our own
code: those stay ordinary exceptions, with their traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CxmError(Exception):
    """The call cannot be answered as it stands; the message says why and what would help."""

    exit_code = 2


class MissingTable(CxmError):
    """A table that is needed is not in the data directory."""


class RowProblems(CxmError):
    """A table breaks its own rules; `cxm validate` lists all of them."""


class TooManyBadRows(CxmError):
    """An import found more bad rows than it may set aside."""

    exit_code = 1


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the closest legal name, else the list of legal names."""
    options = sorted(legal)
    close = get_close_matches(name, options, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; it is one of: {', '.join(options)}" if options else ""
