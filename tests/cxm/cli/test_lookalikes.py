"""`cxm lookalike` with good and bad files of seeds."""

import json

import polars as pl
import pytest

SEED_FILES = {
    "empty": ("", "empty"),
    "without a header": ("c-1\nc-2\n", "no column customer_id"),
    "header only": ("customer_id\n", "names no customer"),
    "blank ids": ('customer_id\n" "\n""\n', "names no customer"),
    "unknown ids": ("customer_id\nnobody\n", "0 of the 1 given"),
}


@pytest.mark.parametrize(("text", "named"), SEED_FILES.values(), ids=SEED_FILES)
def test_a_bad_seed_file_is_one_line(cxm, tmp_path, tiny_world, text, named):
    seed = tmp_path / "ids.csv"
    seed.write_text(text)
    code, out, err = cxm("lookalike", "--seed", seed, "--data", tiny_world, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert named in err


def test_lookalikes_come_with_the_lift_on_seeds_held_out(cxm, tmp_path, tiny_world):
    customers = pl.read_parquet(tiny_world / "transactions.parquet")["customer_id"].unique().sort()
    seed = tmp_path / "ids.csv"
    seed.write_text("\n".join(["customer_id", *customers[:20], "nobody"]) + "\n")
    call = ("lookalike", "--seed", seed, "--data", tiny_world, "--out", tmp_path / "out", "--n", "5")
    code, _, err = cxm(*call)
    assert code == 0
    assert "1 of the 21 given customers have no transaction" in err
    assert "lift in the top tenth" in err
    assert "at random: 1" in err
    rows = json.loads(cxm(*call, "--json")[1])
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["lift_low"] <= rows[0]["lift_at_decile"] <= rows[0]["lift_high"]
    assert set(customers[:20]).isdisjoint(row["customer_id"] for row in rows)
