from datetime import UTC, date, datetime

import pytest

from cxm.errors import CxmError
from reports import periods

TUESDAY = datetime(2026, 8, 4, 12, tzinfo=UTC)  # of 2026-W32


def test_a_week_runs_from_monday_to_sunday_also_over_new_year():
    assert periods.monday("2026-W01") == date(2025, 12, 29)
    assert periods.sunday("2026-W01") == date(2026, 1, 4)
    assert periods.week_of(date(2027, 1, 3)) == "2026-W53"
    assert periods.week_before("2027-W01") == "2026-W53"


def test_the_last_complete_week_is_chosen():
    assert periods.choose(["2026-W30", "2026-W31", "2026-W32"], TUESDAY) == "2026-W31"


def test_a_week_is_complete_when_the_data_reaches_its_sunday():
    sunday = datetime(2026, 8, 9, 1, tzinfo=UTC)
    assert periods.choose(["2026-W31", "2026-W32"], sunday) == "2026-W32"


def test_a_single_week_is_chosen_even_if_it_is_not_over():
    assert periods.choose(["2026-W32"], TUESDAY) == "2026-W32"


def test_any_week_with_conversations_can_be_asked_for():
    assert periods.choose(["2026-W30", "2026-W32"], TUESDAY, "2026-W30") == "2026-W30"


@pytest.mark.parametrize("wanted", ["2026-W31", "2026-31", "2026-W54", "last", "2025-W53", "0000-W00", ""])
def test_a_week_that_is_none_or_has_no_conversations_names_the_range_there_is(wanted):
    with pytest.raises(CxmError, match="2026-W30 to 2026-W32") as raised:
        periods.choose(["2026-W30", "2026-W32"], TUESDAY, wanted)
    assert "\n" not in str(raised.value)


def test_the_days_of_a_week_are_said_as_short_as_possible():
    assert periods.days_of("2026-W30") == "20 to 26 July 2026"
    assert periods.days_of("2026-W31") == "27 July to 2 August 2026"
    assert periods.days_of("2026-W01") == "29 December 2025 to 4 January 2026"
