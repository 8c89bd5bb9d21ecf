import json

import numpy as np
import polars as pl
import pytest

from cxm.methods.covariates import Shown, encode, from_facts, gap_of, plan_covariates, strongest, to_facts

N = 200


def customers() -> pl.DataFrame:
    generator = np.random.default_rng(0)
    price = generator.normal(50, 10, N)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(N)],
            "price": price,
            "price_in_cents": price * 100,
            "is_senior": price > 50,
            "city": ["Ghent"] * 120 + ["Bruges"] * 60 + [f"village {i}" for i in range(20)],
            "same": ["x"] * N,
            "age": [None if i % 4 == 0 else float(i) for i in range(N)],
        }
    )


def test_rare_levels_are_merged_and_ids_constants_and_twins_fall_away():
    names = [term.name for term in plan_covariates(customers())]
    assert names == ["age", "age is missing", "city=Bruges", "city=(other)", "is_senior", "price"]


def test_an_unknown_level_is_other_and_an_absent_column_is_at_the_mean():
    plan = plan_covariates(customers())
    new = pl.DataFrame({"city": ["Atlantis", None, "Ghent"]})
    matrix = encode(new, plan)
    names = [term.name for term in plan]
    assert matrix[:, names.index("city=(other)")].tolist() == [1, 1, 0]
    assert matrix[:, names.index("price")].tolist() == [0, 0, 0]
    assert matrix[:, names.index("age is missing")].tolist() == [1, 1, 1]


def test_nothing_infinite_or_missing_reaches_the_matrix():
    frame = pl.DataFrame({"x": [1.0, None, float("inf"), float("nan")] * 20, "y": [None, "", " ", "a"] * 20})
    assert np.isfinite(encode(frame, plan_covariates(frame))).all()


def test_no_rows_give_no_terms():
    assert plan_covariates(customers().head(0)) == []
    assert encode(customers(), []).shape == (N, 0)


def test_a_plan_comes_back_from_json():
    plan = plan_covariates(customers())
    assert from_facts(json.loads(json.dumps(to_facts(plan)))) == plan


def test_reasons_sum_the_terms_of_a_covariate_strongest_first():
    plan = plan_covariates(customers().select("city", "price"))
    assert [term.name for term in plan] == ["city=Bruges", "city=(other)", "price"]
    rows = pl.DataFrame({"city": ["Bruges", None], "price": [1234.5, 2.0]})
    found = strongest(np.array([[1.0, 0.5, -2.0], [0.0, 0.0, 0.01]]), plan, Shown(rows))
    assert [(r["covariate"], r["effect"]) for r in found[0]] == [("price", -2.0), ("city", 1.5)]
    assert [(r["covariate"], r["effect"]) for r in found[1]] == [("price", 0.01)]
    assert found[0][1]["words"] == "city (Bruges) raises the risk 4.5 times"
    assert found[1][0]["words"] == "price (2) raises the risk slightly"


def test_a_single_term_can_be_left_out_by_its_name():
    frame = pl.DataFrame({"contacts": [1.0, 2.0, None] * 20})
    assert [term.name for term in plan_covariates(frame)] == ["contacts", gap_of("contacts")]
    assert [term.name for term in plan_covariates(frame, (gap_of("contacts"),))] == ["contacts"]


def test_what_rises_and_falls_together_is_told_as_one():
    rows = pl.DataFrame(
        {"contacts": [0.0, 5.0, 1.0, 2.0], "minutes": [0.0, 60.0, 9.0, 5.0], "age": [20.0, 30.0, 70.0, 41.0]}
    )
    plan = plan_covariates(rows)
    effects = {"contacts": 1.1, "minutes": -1.4, "age": 0.2}
    contributions = np.array([[effects[term.covariate] for term in plan]])
    found = strongest(contributions, plan, Shown(rows[1:2], {"minutes": "contacts"}))[0]
    assert [(r["covariate"], r["value"], r["effect"]) for r in found] == [
        ("contacts", "5", pytest.approx(-0.3)),
        ("age", "30", pytest.approx(0.2)),
    ]
