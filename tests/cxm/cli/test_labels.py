"""Labels go out for review and come back."""

import json
from pathlib import Path

import polars as pl
import pytest

from cxm import store


def test_labels_go_out_and_come_back(cxm, tmp_path, tiny_world):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns", "scorecard", "quality_labels"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    before = store.scan(data, "quality_labels").collect()
    cxm("labels", "export", "review.jsonl", "--data", data)
    lines = [json.loads(line) for line in Path("review.jsonl").read_text().splitlines()]
    lines[0]["answer"] = "no" if lines[0]["answer"] == "yes" else "yes"
    Path("review.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, _, err = cxm("labels", "import", "review.jsonl", "--data", data)
    assert code == 0, err
    after = store.scan(data, "quality_labels").collect()
    assert after.height == before.height
    key = ["conversation_id", "criterion"]
    changed = before.join(after, on=key, suffix="_after").filter(pl.col("answer") != pl.col("answer_after"))
    assert changed.height == 1


@pytest.fixture
def reviewed(tmp_path, tiny_world):
    """A world whose quality nobody has judged yet."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns", "scorecard"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    return data


def test_a_review_begins_without_labels_and_is_used_at_the_next_run(cxm, reviewed, offline):
    code, _, err = cxm("labels", "export", "review.jsonl", "--data", reviewed)
    assert code == 2
    assert "--review" in err
    cxm("labels", "export", "review.jsonl", "--review", 30, "--data", reviewed)
    rows = [json.loads(line) for line in Path("review.jsonl").read_text().splitlines()]
    assert len({row["conversation_id"] for row in rows}) == 30
    assert {row["answer"] for row in rows} == {None}
    assert all(row["question"] for row in rows)
    criterion = rows[0]["criterion"]
    for number, row in enumerate(row for row in rows if row["criterion"] == criterion):
        row["answer"] = "no" if number < 28 else None
        row["comment"] = "not a word of it"
    Path("review.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def answered_no():
        code, _, err = cxm("run", "quality_adherence", "--data", reviewed)
        assert code == 0, err
        answers = pl.read_parquet("out/quality_answers.parquet").filter(criterion=criterion)
        return (answers["answer"] == "no").mean()

    before = answered_no()
    code, out, err = cxm("labels", "import", "review.jsonl", "--data", reviewed, "--json")
    assert code == 0, err
    (summary,) = json.loads(out)["tables"]
    assert (summary["n_new"], summary["n_bad"]) == (28, 0)
    assert answered_no() > max(before, 0.95)
    agreement = pl.read_parquet("out/criterion_agreement.parquet").filter(criterion=criterion)
    assert agreement["calibration"].item() == "too_few_labels"


def test_a_broken_line_of_a_review_is_named_and_nothing_is_lost(cxm, reviewed, tiny_world):
    labels = pl.read_parquet(tiny_world / "quality_labels.parquet")
    labels.write_ndjson("whole.jsonl")
    whole = Path("whole.jsonl").read_text()
    cxm("labels", "import", "whole.jsonl", "--data", reviewed)
    stored = pl.read_parquet(reviewed / "quality_labels.parquet")
    unknown = {"conversation_id": "nobody", "criterion": labels["criterion"][0], "answer": "no"}
    for broken in ('{"conversation_id": ', json.dumps(unknown), json.dumps(unknown | {"answer": "perhaps"})):
        Path("broken.jsonl").write_text(whole + broken)
        code, out, err = cxm("labels", "import", "broken.jsonl", "--data", reviewed)
        assert code == 0, err
        assert f"line {labels.height + 1:,}" in out
        assert pl.read_parquet(reviewed / "quality_labels.parquet").equals(stored)
        Path("alone.jsonl").write_text(f"{broken}\n")
        code, _, err = cxm("labels", "import", "alone.jsonl", "--data", reviewed)
        assert code in (1, 2)
        assert err.splitlines()[0].startswith("cxm: alone.jsonl")
        assert pl.read_parquet(reviewed / "quality_labels.parquet").equals(stored)
