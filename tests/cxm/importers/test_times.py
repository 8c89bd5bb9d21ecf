"""Text into moments: ISO, strptime formats and epochs, and what is asked instead of guessed."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.importers.times import Unclear, check_time_format, parse_times


def parse(*texts, time_format=None, time_zone=None, moments=False):
    series = pl.Series(texts, dtype=pl.String)
    is_moment = pl.Series([moments] * len(texts), dtype=pl.Boolean)
    values, reasons = parse_times(series, is_moment, time_format, time_zone)
    return values.to_list(), reasons.to_list()


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T10:00:00Z", utc(2026, 3, 1, 10)),
        ("2026-03-01 10:00:00+02:00", utc(2026, 3, 1, 8)),
        ("2026-03-01T10:00:00.25-0530", utc(2026, 3, 1, 15, 30, 0, 250000)),
        ("2026-03-01T10:00+01", utc(2026, 3, 1, 9)),
        ("2026-03-01T10:00:00,123456789Z", utc(2026, 3, 1, 10, 0, 0, 123456)),
        (" 2026-03-01T10:00z ", utc(2026, 3, 1, 10)),
    ],
)
def test_iso_times_with_an_offset_need_nothing_more(text, moment):
    assert parse(text) == ([moment], [None])


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))
def test_every_iso_time_python_writes_is_read_back(moment):
    if moment.utcoffset().total_seconds() % 60 or moment.year < 1000:
        return
    assert parse(moment.isoformat())[0] == [moment.astimezone(UTC)]


def test_a_naive_time_asks_for_the_time_zone_and_uses_it():
    with pytest.raises(Unclear) as caught:
        parse(None, "2026-03-01T10:00:00Z", "2026-03-01 10:00")
    assert (caught.value.key, caught.value.index) == ("time_zone", 2)
    assert parse("2026-07-01 10:00", time_zone="Europe/Berlin")[0] == [utc(2026, 7, 1, 8)]
    assert parse("2026-07-01", time_zone="America/New_York")[0] == [utc(2026, 7, 1, 4)]


def test_local_times_that_exist_twice_or_never_are_bad_rows():
    values, reasons = parse(
        "2026-10-25 02:30", "2026-03-29 02:30", "2026-03-29 03:30", None, time_zone="Europe/Berlin"
    )
    assert values == [None, None, utc(2026, 3, 29, 1, 30), None]
    assert "occurs twice" in reasons[0]
    assert "does not exist" in reasons[1]
    assert reasons[2:] == [None, None]


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.26 10:00", "31/12/2026", "2026/03/04", "12-11-10"])
def test_day_and_month_are_asked_for_even_where_one_row_would_settle_it(text):
    with pytest.raises(Unclear) as caught:
        parse("2026-03-01T10:00:00Z", text)
    assert caught.value.key == "time_format"


@pytest.mark.parametrize("text", ["1754000000", "1754000000000", "20260304", "1754000000.5", "0"])
def test_a_number_asks_for_its_unit(text):
    with pytest.raises(Unclear) as caught:
        parse(text)
    assert caught.value.key == "time_format"


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("epoch_seconds", "1754000000"),
        ("epoch_seconds", "1754000000.0"),
        ("epoch_milliseconds", "1754000000000"),
        ("epoch_microseconds", "1754000000000000"),
    ],
)
def test_epochs_are_read_in_the_unit_given(unit, text):
    assert parse(text, time_format=unit) == ([utc(2025, 7, 31, 22, 13, 20)], [None])


def test_an_epoch_of_another_unit_is_a_bad_row():
    for unit, text in [("epoch_milliseconds", "1754000000"), ("epoch_seconds", "1754000000000")]:
        values, reasons = parse(text, "abc", "0", "1e400", time_format=unit)
        assert values == [None] * 4
        assert "outside the years" in reasons[0]
        assert "not a number" in reasons[1]
        assert all(reasons)


def test_a_format_is_strict():
    values, reasons = parse(
        "03.04.2026 10:00", "03.04.26 10:00", "2026-04-03", "x", time_format="%d.%m.%Y %H:%M", time_zone="UTC"
    )
    assert values == [utc(2026, 4, 3, 10), None, None, None]
    assert reasons == [None, *["does not match time_format"] * 3]
    assert parse("03.04.2026 +0200", time_format="%d.%m.%Y %z")[0] == [utc(2026, 4, 2, 22)]


def test_a_typed_time_is_read_as_such_whatever_the_format():
    assert parse("2026-03-01T10:00:00+00:00", time_format="%d/%m/%Y", moments=True)[0] == [
        utc(2026, 3, 1, 10)
    ]


def test_text_that_is_no_time_is_a_bad_row():
    values, reasons = parse("soon", "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T10:00:60Z")
    assert values == [None] * 4
    assert set(reasons) == {"is not an ISO 8601 time (time_format is not set)"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch_second", "epoch_seconds"),
        ("dd.mm.yyyy", "neither"),
        ("%d.%m", "whole date"),
        ("%H:%M", "whole date"),
        ("%d.%m.%Y %I:%M", "%p"),
        ("%d.%m.%Q", "strptime"),
        ("%", "strptime"),
        ("%d.%d.%Y", "strptime"),
    ],
)
def test_a_format_that_cannot_work_is_refused_at_once(text, says):
    with pytest.raises(ValueError, match="time_format") as caught:
        check_time_format("time_format", text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text", ["iso", "epoch_seconds", "%d/%m/%Y %I:%M %p", "%Y%m%d", "%b %d, %Y", "%y-%j"]
)
def test_formats_of_a_whole_date_are_taken(text):
    check_time_format("time_format", text)
