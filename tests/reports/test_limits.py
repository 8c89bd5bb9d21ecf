"""The file of monitors a user edits: what it changes, and one line for whatever is wrong in it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.errors import CxmError
from reports.limits import read_monitors


@pytest.fixture
def monitors(tmp_path):
    """The monitors by name, with this text in the user's file."""

    def read(text: str):
        (tmp_path / "monitors.toml").write_text(text)
        return {monitor.name: monitor for monitor in read_monitors(tmp_path)}

    return read


def test_without_a_file_there_are_those_shipped_and_each_has_its_words(tmp_path):
    found = read_monitors(tmp_path)
    assert len(found) > 20
    assert all(monitor.doc for monitor in found)
    assert found == read_monitors()


def test_a_file_changes_one_limit_drops_one_monitor_and_adds_one(monitors, tmp_path):
    found = monitors(
        "[satisfaction]\nwarn = 0.9\n[transfers]\noff = true\n"
        '[many]\nfigure = "rows:turns"\nwarn = 10\nfail = 5\ndoc = "Turns."\n'
    )
    shipped = {monitor.name: monitor for monitor in read_monitors()}
    assert (found["satisfaction"].warn, found["satisfaction"].fail) == (0.9, shipped["satisfaction"].fail)
    assert set(shipped) - set(found) == {"transfers"}
    assert set(found) - set(shipped) == {"many"}


def test_the_setting_goes_before_the_data_directory(monitors, monkeypatch, tmp_path):
    (tmp_path / "elsewhere.toml").write_text("[satisfaction]\nwarn = 0.8\n")
    monkeypatch.setenv("CXM_MONITORS", str(tmp_path / "elsewhere.toml"))
    assert monitors("[satisfaction]\nwarn = 0.9\n")["satisfaction"].warn == 0.8
    monkeypatch.setenv("CXM_MONITORS", str(tmp_path / "gone.toml"))
    with pytest.raises(CxmError, match=r"gone\.toml"):
        monitors("")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[satisfaction", "is not TOML"),
        ("warn = 3", "outside of a"),
        ("[satisfaction]\nwarm = 0.9", "did you mean 'warn'"),
        ('[satisfaction]\nwarn = "0.9"', "it is a number"),
        ("[satisfaction]\nwarn = true", "it is a number"),
        ("[satisfaction]\nwarn = nan", "a limit is no number"),
        ("[satisfaction]\nwarn = 0.1", "fail before it warns"),
        ('[satisfaction]\nbad = "left"', '"below" or "above"'),
        ("[satisfaction]\noff = 1", "true or false"),
        ('[mine]\nfigure = "kpi:csat"\nwarn = 0.9', "lacks fail"),
        ('[mine]\nfigure = "kpi:csta"\nwarn = 0.9\nfail = 0.5', "did you mean 'csat'"),
        ('[mine]\nfigure = "rows:turn"\nwarn = 9\nfail = 5', "did you mean 'turns'"),
        (
            '[mine]\nfigure = "score:sentiment.macro_f2"\nwarn = 9\nfail = 5',
            "did you mean 'sentiment.macro_f1'",
        ),
        ('[mine]\nfigure = "csat"\nwarn = 9\nfail = 5', "begins with one of"),
        ('["my <b>"]\nfigure = "kpi:csat"\nwarn = 0.9\nfail = 0.5', "is no name"),
    ],
)
def test_whatever_is_wrong_is_one_line_that_names_the_file(monitors, text, said):
    with pytest.raises(CxmError) as refused:
        monitors(text)
    assert said in str(refused.value)
    assert "monitors.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120))
def test_no_bytes_are_more_than_a_refusal(tmp_path_factory, raw):
    data = tmp_path_factory.mktemp("bytes")
    (data / "monitors.toml").write_bytes(raw)
    with suppress(CxmError):
        assert read_monitors(data)
