"""Loggers: what `python -m assets report` shows on stderr.

One plain line for each message an asset logs. Dagster's own events are left out: they are in the
run's log in the UI. A message itself belongs where it is known, in the asset.
"""

import logging
import sys

import dagster as dg


class _PlainLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        metadata = getattr(record, "dagster_meta", None) or {}
        # Dagster's events carry an event; its remarks on skipped steps are errors.
        is_said = metadata.get("step_key") and metadata.get("dagster_event") is None
        if is_said and record.levelno == logging.INFO:
            print(metadata["orig_message"], file=sys.stderr, flush=True)


@dg.logger(None, description="One plain line on stderr for each message of an asset.")
def plain_lines(_: dg.InitLoggerContext) -> logging.Logger:
    """A logger that prints the assets' own messages and nothing else."""
    logger = logging.Logger("plain_lines", logging.INFO)
    logger.addHandler(_PlainLines())
    return logger
