"""Text into moments in UTC: ISO 8601, a strptime format, or an epoch in a stated unit.

Nothing is guessed: what could be read in two ways raises `Unclear` with the key that settles it.
Numbers, truth values and lists belong in `values`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from cxm.errors import did_you_mean

EPOCH_UNITS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000, "epoch_microseconds": 1}

UTC_TIME = pl.Datetime("us", "UTC")
_ISO = (
    r"^\s*(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<clock>[01]\d:[0-5]\d|2[0-3]:[0-5]\d)"
    r"(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?\s*$"
)
_ISO_DATE = r"^\s*\d{4}-\d{2}-\d{2}"
_DIGITS = r"^\s*[+-]?\d+([.]\d*)?\s*$"
_DAY_AND_MONTH = r"\d{1,4}\s*[./\\-]\s*\d{1,2}\s*[./\\-]\s*\d{1,4}"
# Outside these years an epoch was written in another unit: 0, or seconds read as milliseconds.
_FIRST_EPOCH, _LAST_EPOCH = datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_PROBE = datetime(2026, 11, 23, 15, 46, 37, 123456, tzinfo=UTC)


@dataclass
class Unclear(Exception):
    """A value has more than one meaning; `key` of the mapping would settle it.

    `index` is the position of the first such value.
    """

    index: int
    why: str
    key: str
    example: str


def check_time_format(name: str, text: str) -> None:
    """Raise `ValueError` unless `text` is `iso`, an epoch unit, or a strptime format of a whole date."""
    if text == "iso" or text in EPOCH_UNITS:
        return
    if "%" not in text:
        legal = did_you_mean(text, ["iso", *EPOCH_UNITS])
        raise ValueError(f"{name}: '{text}' is neither a strptime format nor a known name{legal}")
    try:
        parsed = datetime.strptime(_PROBE.strftime(text), text)
    except (ValueError, IndexError, OverflowError, re.error):
        raise ValueError(f"{name}: '{text}' is not a strptime format") from None
    if parsed.date() != _PROBE.date():
        raise ValueError(f"{name}: '{text}' does not name a whole date (year, month and day)")
    if parsed.hour not in (0, _PROBE.hour):
        raise ValueError(f"{name}: '{text}' has a 12-hour clock (%I) without %p")


def parse_times(
    text: pl.Series, is_moment: pl.Series, time_format: str | None, time_zone: str | None
) -> tuple[pl.Series, pl.Series]:
    """(moments in UTC, reason why not or null) of each text.

    `is_moment` marks texts that come from a typed time column: they are ISO whatever the format.
    """
    is_plain = text.is_not_null() & ~is_moment
    if time_format is None:
        _ask_for_format(text.zip_with(is_plain, pl.Series([None], dtype=pl.String)))
    if time_format in EPOCH_UNITS:
        found = _parse_epoch(text, EPOCH_UNITS[time_format])
    elif time_format is None or time_format == "iso":
        found = _parse_iso(text, "" if time_format else " (time_format is not set)")
    else:
        found = _parse_format(text, time_format)
    if time_format is not None and is_moment.any():
        iso = _parse_iso(text)
        found = pl.select(
            pl.when(is_moment).then(iso[name]).otherwise(found[name]).alias(name) for name in found.columns
        )
    return _to_utc(found, time_zone, text)


def _ask_for_format(text: pl.Series) -> None:
    asks = {
        "is a number without a unit": (_DIGITS, '"epoch_milliseconds" or "%Y%m%d"'),
        "can be read in more than one way": (_DAY_AND_MONTH, '"%d/%m/%Y %H:%M" or "%m/%d/%Y"'),
    }
    strange = text.is_not_null() & ~text.str.contains(_ISO_DATE).fill_null(True)
    for why, (pattern, example) in asks.items():
        hits = (text.str.contains(pattern).fill_null(False) & strange).arg_true()
        if len(hits):
            raise Unclear(hits[0], why, "time_format", example)


def _parse_iso(text: pl.Series, hint: str = "") -> pl.DataFrame:
    """Columns `moment` (UTC, null if it has no offset), `local` (null if it has one) and `reason`."""
    parts = text.str.extract_groups(_ISO).struct.unnest()
    stamp = pl.format(
        "{}T{}:{}.{}",
        "date",
        pl.col("clock").fill_null("00:00"),
        pl.col("second").fill_null("00"),
        pl.col("fraction").fill_null("0"),
    )
    sign = pl.when(pl.col("offset").str.starts_with("-")).then(-1).otherwise(1)
    digits = pl.col("offset").str.replace_all(r"\D", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False) * 60
    minutes = (minutes + digits.str.slice(2, 2).cast(pl.Int64, strict=False)) * sign
    return (
        parts.with_columns(
            stamp=stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
            minutes=minutes.fill_null(0),
            text=text,
        )
        .with_columns(
            moment=pl.when(pl.col("offset").is_not_null()).then(
                (pl.col("stamp") - pl.duration(minutes="minutes")).dt.replace_time_zone("UTC")
            ),
            local=pl.when(pl.col("offset").is_null()).then("stamp"),
            reason=pl.when(pl.col("text").is_not_null() & pl.col("stamp").is_null()).then(
                pl.lit("is not an ISO 8601 time" + hint)
            ),
        )
        .select(pl.col("moment").cast(UTC_TIME), pl.col("local").cast(pl.Datetime("us")), "reason")
    )


def _parse_epoch(text: pl.Series, factor: int) -> pl.DataFrame:
    trimmed = text.str.strip_chars()
    number = trimmed.cast(pl.Float64, strict=False)
    # Whole numbers stay exact; a float holds microseconds of our era only just.
    whole = trimmed.cast(pl.Int64, strict=False) * factor
    moment = whole.zip_with(whole.is_not_null(), (number * factor).round().cast(pl.Int64, strict=False))
    moment = moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    frame = pl.DataFrame({"text": text, "number": number, "moment": moment})
    is_ours = pl.col("moment").is_between(_FIRST_EPOCH, _LAST_EPOCH, closed="left").fill_null(False)
    return frame.select(
        pl.when(is_ours).then("moment").alias("moment"),
        pl.lit(None, dtype=pl.Datetime("us")).alias("local"),
        pl.when(pl.col("text").is_null() | is_ours)
        .then(None)
        .when(pl.col("number").is_null())
        .then(pl.lit("is not a number, as time_format says"))
        .otherwise(pl.lit("is outside the years 1971 to 2199 in the unit of time_format"))
        .alias("reason"),
    )


def _parse_format(text: pl.Series, time_format: str) -> pl.DataFrame:
    # The standard library, not polars: its %Y takes four digits and nothing else.
    rows: list[tuple[str, datetime | None, datetime | None, str | None]] = []
    for value in text.drop_nulls().unique(maintain_order=True):
        try:
            parsed = datetime.strptime(value.strip(), time_format)
            if parsed.tzinfo:
                rows.append((value, parsed.astimezone(UTC), None, None))
            else:
                rows.append((value, None, parsed, None))
        except (ValueError, OverflowError):
            rows.append((value, None, None, "does not match time_format"))
    schema: dict[str, pl.DataType] = {
        "text": pl.String(),
        "moment": UTC_TIME,
        "local": pl.Datetime("us"),
        "reason": pl.String(),
    }
    known = pl.DataFrame(rows, schema=schema, orient="row")
    joined = text.to_frame("text").join(known, on="text", how="left", validate="m:1", maintain_order="left")
    return joined.select("moment", "local", "reason")


def _to_utc(found: pl.DataFrame, time_zone: str | None, text: pl.Series) -> tuple[pl.Series, pl.Series]:
    naive = found["local"].is_not_null()
    if not naive.any():
        return found["moment"], found["reason"]
    if time_zone is None:
        raise Unclear(int(naive.arg_true()[0]), "has no time zone", "time_zone", '"Europe/Berlin"')
    local = pl.col("local").dt
    sure = local.replace_time_zone(time_zone, ambiguous="null", non_existent="null")
    early = local.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    result = found.with_columns(
        moment=pl.coalesce("moment", sure.dt.convert_time_zone("UTC")),
        reason=pl.when(pl.col("local").is_null() | sure.is_not_null())
        .then("reason")
        .when(early.is_null())
        .then(pl.lit("does not exist in the time zone (clocks went forward)"))
        .otherwise(pl.lit("occurs twice in the time zone (clocks went back)")),
    )
    return result["moment"], result["reason"]
