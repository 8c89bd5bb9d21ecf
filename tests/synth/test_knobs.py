from dataclasses import fields
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.errors import CxmError
from synth.knobs import END, PRESETS, Knobs


@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        ({"conversations": 0}, "conversations is 0; it must be a number from 1 to 2,000,000"),
        ({"customers": -3}, "customers is -3; it must be a number from 1"),
        ({"weeks": 261}, "weeks is 261; it must be a number from 1 to 260"),
        ({"seed": -1}, "seed is -1"),
        ({"contacts_per_year": 0.0}, "contacts_per_year is 0"),
        ({"launch_share": 0.6}, "launch_share is 0.6; it must be a number from 0 to 0.5"),
        ({"misled_share": float("nan")}, "misled_share is nan"),
        ({"monthly_hazard": 0.0}, "monthly_hazard is 0"),
        (
            {"contradictions": 200},
            "280 planted pairs .* do not fit into 330 information_articles: .* plant fewer",
        ),
    ],
)
def test_impossible_values_are_refused_with_the_reason_in_one_line(knobs: dict, reason: str) -> None:
    with pytest.raises(CxmError, match=reason) as refused:
        Knobs(**knobs)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_possible(preset: str) -> None:
    assert set(PRESETS[preset]) <= {field.name for field in fields(Knobs)}
    Knobs(**PRESETS[preset])


def test_the_arena_preset_has_the_sizes_of_the_paper() -> None:
    knobs = Knobs(**PRESETS["arena"])
    sizes = (knobs.conversations, knobs.information_articles, knobs.issue_articles, knobs.tools)
    assert sizes == (1994, 1743, 1425, 150)


def test_every_knob_is_explained() -> None:
    assert all(len(field.metadata["help"]) > 10 for field in fields(Knobs))


@given(st.integers(1, 260))
def test_the_calendar_is_made_of_whole_weeks_up_to_the_end(weeks: int) -> None:
    knobs = Knobs(weeks=weeks)
    assert END.tzinfo is UTC
    assert {END.weekday(), knobs.contacts_begin.weekday(), knobs.observation_begins.weekday()} == {0}
    assert (END - knobs.contacts_begin).days == 7 * weeks
    assert knobs.n_days - knobs.first_contact_day == 7 * weeks
    assert knobs.n_days >= 78 * 7
    assert knobs.first_contact_day >= 26 * 7


def test_incident_and_launch_need_time_and_can_be_switched_off() -> None:
    assert Knobs(weeks=3).incident_day is None
    assert Knobs(weeks=3).launch_day is None
    assert Knobs(incident_factor=1).incident_day is None
    assert Knobs(launch_share=0).launch_day is None
    knobs = Knobs(weeks=4)
    assert knobs.incident_day == knobs.n_days - 7
    assert knobs.launch_day == knobs.n_days - 14


def test_contacts_a_year_can_be_given() -> None:
    assert Knobs(contacts_per_year=3.3).yearly_contacts == 3.3


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 260))
def test_contacts_a_year_are_chosen_so_that_customers_make_part_of_the_conversations(
    conversations: int, customers: int, weeks: int
) -> None:
    knobs = Knobs(conversations=conversations, customers=customers, weeks=weeks)
    wanted = 0.75 * conversations / customers * 365.25 / (7 * weeks)
    assert 0.05 <= knobs.yearly_contacts <= 12
    if 0.1 < wanted < 12:
        assert wanted / 1.2501 < knobs.yearly_contacts <= wanted * 1.0001


def test_one_more_customer_seldom_changes_how_often_customers_contact_us() -> None:
    levels = {Knobs(customers=n).yearly_contacts for n in range(2900, 3101)}
    assert len(levels) <= 2
