import polars as pl

from assets.metadata import column_schema, markdown_table, preview, score_table
from cxm.tables import TABLES


def test_a_preview_shows_five_rows_and_cuts_long_texts():
    shown = preview(pl.LazyFrame({"text": ["x" * 200] * 9})).value.splitlines()
    assert len(shown) == 2 + 5
    assert len(shown[-1]) == len("|  |") + 80


def test_pipes_newlines_and_markup_are_shown_as_they_are():
    shown = preview(pl.LazyFrame({"text": ["a | b\n<b>c</b> *d*"]})).value.splitlines()
    assert shown[2] == r"| a \| b \<b\>c\</b\> \*d\* |"


def test_an_empty_table_has_its_columns_only():
    assert preview(TABLES["turns"].empty().lazy()).value.count("\n") == 1


def test_null_is_an_empty_cell_and_a_number_is_short():
    assert markdown_table(["a"], [(None,), (1 / 3,)]).value.splitlines()[2:] == ["|  |", "| 0.3333 |"]


def test_the_column_schema_explains_every_declared_column_and_names_further_ones():
    frame = TABLES["customers"].empty().lazy().with_columns(plan=pl.lit("gold"))
    columns = {column.name: column for column in column_schema(TABLES["customers"], frame).columns}
    assert columns["customer_id"].description == "The customer."
    assert not columns["customer_id"].constraints.nullable
    assert columns["plan"].type == "String"


def test_scores_are_listed_in_their_order():
    scores = pl.DataFrame(
        {"metric": ["b", "a"], "value": [1.0, 2.0], "low": [None, 1.5], "high": [None, 2.5]}
        | {"n": [3, 3], "baseline": [None, 1.0]}
    )
    assert [line.split(" | ")[0] for line in score_table(scores).value.splitlines()[2:]] == ["| b", "| a"]
