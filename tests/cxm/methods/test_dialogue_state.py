"""What a dialogue is about, followed turn by turn."""

import polars as pl

from cxm.methods.dialogue_state import follow
from cxm.methods.dialogues import Context, Turn
from cxm.methods.names import NameFinder

FINDER = NameFinder.from_articles(
    pl.DataFrame({"title": ["Ashley Hotel", "Acorn House", "Belfry Inn"], "section": ["", "", ""]}),
    pl.Series("text", [], dtype=pl.String),
)
ACORN, ASHLEY, BELFRY = 0, 1, 2


def state_of(*texts: str):
    turns = tuple(Turn("customer" if i % 2 else "agent", text) for i, text in enumerate(texts))
    return follow([Context("c", len(turns), turns)], FINDER)


def test_what_was_named_stands_until_something_else_is_named() -> None:
    row = state_of("The Ashley Hotel?", "Is it quiet?", "Yes.", "and has it parking?").strength.toarray()[0]
    assert row[ASHLEY] == 1
    later = state_of("The Ashley Hotel?", "no, the Acorn House", "It is nice", "is it quiet?")
    assert later.strength.toarray()[0][ACORN] == 1 > later.strength.toarray()[0][ASHLEY] > 0
    assert later.is_latest.toarray()[0].tolist() == [1, 0, 0]


def test_two_that_are_compared_are_both_kept() -> None:
    row = state_of("There are the Ashley Hotel and the Belfry Inn.", "which one is quieter?")
    assert row.strength.toarray()[0].tolist() == [0, 1, 1]
    assert row.is_latest.toarray()[0].tolist() == [0, 0.5, 0.5]


def test_what_a_tool_returned_names_nothing_and_silence_neither() -> None:
    assert (
        follow([Context("c", 1, (Turn("system", "Ashley Hotel"),)), Context("d", 0, ())], FINDER).strength.nnz
        == 0
    )
