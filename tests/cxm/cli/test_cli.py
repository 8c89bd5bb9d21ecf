"""The command line as a script calls it: exit codes, one line on stderr, JSON on stdout."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cxm import store
from cxm.cli import main

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def cxm(monkeypatch, capsys, tmp_path):
    """Calls the command line in this process; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def offline(monkeypatch):
    """The encoder of the plumbing tests, everywhere."""
    from cxm import workspace
    from cxm.backends.encoder import HashingEncoder

    monkeypatch.setattr(workspace, "SentenceTransformerEncoder", lambda name: HashingEncoder())


BAD_CALLS = {
    "no such command": (["valdate"], "valdate"),
    "no such option": (["validate", "data", "--colour", "red"], "--colour"),
    "an argument is missing": (["validate"], "DIRECTORY"),
    "no such task": (["run", "sentimnt", "--data", "data"], "sentimnt"),
    "no data given": (["run", "sentiment"], "--data"),
    "no such directory": (["run", "sentiment", "--data", "nowhere"], "nowhere"),
    "validate nowhere": (["validate", "nowhere"], "nowhere"),
    "a table is missing": (["run", "sentiment", "--data", "data"], "'turns'"),
    "score without tables": (["score", "churn_survival", "--data", "data"], "transactions"),
    "a parameter is no number": (["run", "sentiment", "--data", "data", "--seed", "many"], "many"),
    "out is the data": (["run", "sentiment", "--data", "data", "--out", "data"], "--out"),
    "a file for a directory": (["run", "sentiment", "--data", "file.txt"], "file.txt"),
    "labels of what": (["run", "sentiment", "--data", "data", "--labels", "some"], "some"),
    "no such format": (["import", "xml", "file.txt", "--to", "data"], "xml"),
    "no such source": (["import", "csv", "nowhere.csv", "--to", "data"], "nowhere.csv"),
    "an empty query": (["search", " ", "--data", "data"], "empty"),
    "a search without articles": (["search", "drill", "--data", "data"], "articles"),
    "no such conversation": (["show", "c-1", "--data", "data"], "turns"),
    "no such dialogue": (["reply", "nowhere.jsonl", "--data", "data"], "nowhere.jsonl"),
    "run nothing": (["run"], "which task"),
    "score nothing": (["score"], "which task"),
    "labels nothing": (["labels"], "export or import"),
    "kb something": (["kb", "mend"], "'mend'"),
    "a seed below zero": (["run", "sentiment", "--data", "data", "--seed", "-1"], "seed is -1"),
    "a share of seven": (["run", "segmentation", "--data", "data", "--min-share", "7"], "min_share is 7"),
    "fewer than one": (["search", "drill", "--data", "data", "--n", "0"], "--n"),
    "labels of no gold table": (
        ["labels", "export", "x.jsonl", "--table", "turns", "--data", "data"],
        "turns",
    ),
    "no seed file": (["lookalike", "--seed", "nowhere.csv", "--data", "data"], "nowhere.csv"),
    "dismiss without articles": (["kb", "dismiss", "a", "b", "--reason", "x", "--data", "data"], "articles"),
}


@pytest.mark.parametrize(("arguments", "named"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_bad_call_is_one_line_that_names_the_fault(cxm, tmp_path, arguments, named):
    (tmp_path / "data").mkdir()
    (tmp_path / "file.txt").write_text("hello")
    code, out, err = cxm(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("cxm: ")
    assert named in err
    assert "Traceback" not in err


def test_validate_says_every_problem_and_exits_with_1(cxm, tmp_path, tiny_world):
    data = tmp_path / "data"
    data.mkdir()
    turns = pl.read_parquet(tiny_world / "turns.parquet")
    turns.with_columns(speaker=pl.lit("robot")).write_parquet(data / "turns.parquet")
    (data / "notes.txt").write_text("not a table")
    (data / "articles.parquet").write_bytes(b"not parquet")
    code, out, _ = cxm("validate", data)
    assert code == 1
    assert "speaker" in out
    assert "cannot be read" in out
    assert "notes.txt" in out
    code, out, err = cxm("validate", data, "--json")
    assert (code, err) == (1, "")
    assert {problem["table"] for problem in json.loads(out)["problems"]} == {"turns", "articles"}


def test_validate_of_a_good_directory_exits_with_0(cxm, tiny_world):
    assert cxm("validate", tiny_world)[0] == 0


def test_a_broken_table_stops_a_run_and_names_validate(cxm, tmp_path, tiny_world):
    data = tmp_path / "data"
    data.mkdir()
    turns = pl.read_parquet(tiny_world / "turns.parquet")
    turns.with_columns(speaker=pl.lit("robot")).write_parquet(data / "turns.parquet")
    code, _, err = cxm("run", "sentiment", "--data", data)
    assert code == 2
    assert err.splitlines()[-1].startswith("cxm: turns.speaker")
    assert "cxm validate" in err
    assert not (tmp_path / "out" / "turn_sentiment.parquet").exists()


def test_run_then_score_uses_what_run_wrote(cxm, tiny_world, offline):
    code, out, _ = cxm("run", "intent_prediction", "--data", tiny_world, "--labels", "none", "--json")
    assert code == 0
    assert json.loads(out)[0]["table"] == "predicted_intents"
    code, out, _ = cxm("score", "intent_prediction", "--data", tiny_world, "--json")
    scores = json.loads(out)
    assert (code, scores[0]["metric"]) == (0, "accuracy")
    assert json.loads(Path("out/manifests/intent_prediction.json").read_text())["labels"] is False


def test_score_runs_again_when_a_parameter_changes(cxm, tiny_world, offline):
    cxm("run", "sentiment", "--data", tiny_world)
    first = json.loads(Path("out/manifests/sentiment.json").read_text())["params_hash"]
    code, out, _ = cxm("score", "sentiment", "--data", tiny_world, "--seed", "8", "--json")
    assert code == 0
    assert json.loads(out)[0]["params_hash"] != first


def test_scoring_without_labels_is_refused_with_the_table(cxm, tmp_path, tiny_world, offline):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("conversations", "turns"):
        store.write(pl.read_parquet(tiny_world / f"{name}.parquet"), data, name)
    code, _, err = cxm("score", "sentiment", "--data", data)
    assert code == 2
    assert "sentiment_labels" in err.splitlines()[-1]


def test_too_little_history_for_a_score_is_said_as_that_and_not_as_missing_labels(cxm, tmp_path, offline):
    bought = pl.DataFrame(
        {
            "transaction_id": ["t1", "t2"],
            "customer_id": ["a", "b"],
            "occurred_at": [datetime(2026, 6, day, tzinfo=UTC) for day in (1, 9)],
            "amount": [5.0, 7.0],
        },
        schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
    )
    store.write(bought, tmp_path / "data", "transactions")
    code, _, err = cxm("score", "churn_survival", "--data", str(tmp_path / "data"))
    assert code == 2
    assert "transactions of more than backtest_days before as_of" in err.splitlines()[-1]


def test_single_questions_answer_in_json(cxm, tmp_path, tiny_world, offline):
    code, out, _ = cxm("search", "how long is delivery", "--data", tiny_world, "--json")
    assert code == 0
    assert json.loads(out)[0]["rank"] == 1
    code, out, _ = cxm("intent", "my parcel is late", "--data", tiny_world, "--json")
    assert len(json.loads(out)) == 3
    code, out, _ = cxm("sentiment", "this is awful", "--json")
    assert json.loads(out)["polarity"] in ("negative", "neutral", "positive")
    dialogue = tmp_path / "dialogue.jsonl"
    dialogue.write_text('{"speaker": "customer", "text": "how long is delivery?"}\n')
    code, out, _ = cxm("reply", dialogue, "--data", tiny_world, "--json")
    assert "status" in json.loads(out)


def test_what_was_said_to_other_customers_is_suggested_without_their_names(cxm, tmp_path, offline):
    when = datetime(2026, 3, 1, 9, tzinfo=UTC)
    ids = [f"v{i}" for i in range(6)]
    said = [
        ("customer", "My kettle leaks."),
        ("agent", "Sorry to hear that, Nadia Okafor, I send a new one."),
    ]
    conversations = pl.DataFrame(
        {"conversation_id": ids, "customer_id": ["k1"] * 6, "channel": ["chat"] * 6, "started_at": [when] * 6}
    )
    turns = [
        {"conversation_id": c, "turn_index": i, "speaker": speaker, "text": text}
        for c in ids
        for i, (speaker, text) in enumerate(said)
    ]
    customers = pl.DataFrame({"customer_id": ["k1"], "first_name": ["Nadia"], "last_name": ["Okafor"]})
    articles = pl.DataFrame(
        {
            "article_id": ["a"], "kind": ["information"], "title": ["Kettles"],
            "body": ["A kettle boils water."], "body_format": ["text"],
        }
    )  # fmt: skip
    tables = {"conversations": conversations, "turns": pl.DataFrame(turns), "customers": customers}
    for name, frame in (tables | {"articles": articles}).items():
        store.write(store.checked(frame, name), tmp_path / "data", name)
    dialogue = tmp_path / "dialogue.jsonl"
    dialogue.write_text('{"speaker": "customer", "text": "my kettle leaks"}\n')
    shown = []
    for flags in ([], ["--unmasked"]):
        code, out, _ = cxm("reply", dialogue, "--data", tmp_path / "data", "--json", *flags)
        assert code == 0
        shown.append(json.loads(out)["suggested_replies"][0]["reply"])
    assert "Okafor" not in shown[0]
    assert "I send a new one." in shown[0]
    assert "Nadia Okafor" in shown[1]


def test_a_search_shows_where_and_why_and_keeps_to_its_conditions(cxm, tiny_world, offline):
    code, out, _ = cxm("search", 'is "delivery" +free: (* ', "--data", tiny_world, "--n", "2", "--json")
    assert code == 0
    first = json.loads(out)[0]
    assert {"rank", "article_id", "title", "section", "passage", "score", "answer_probability"} <= set(first)
    assert first["score_parts"]["article_share"] >= 0
    marked = [first["passage"][start:end].lower() for start, end in first["matches"]]
    assert all(word.startswith(("deliver", "free")) for word in marked)
    code, out, _ = cxm("search", "delivery", "--data", tiny_world, "--kind", "issue", "--n", "3")
    assert code == 0
    assert "score" in out
    assert "\x1b" not in out
    assert not any(line != line.rstrip() for line in out.splitlines())
    code, out, _ = cxm("search", "delivery", "--data", tiny_world, "--section", "no such place", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, _, err = cxm("search", "delivery", "--data", tiny_world, "--kind", "issues")
    assert code == 2
    assert "did you mean 'issue'" in err


def test_show_prints_a_transcript(cxm, tiny_world):
    turn = pl.read_parquet(tiny_world / "turns.parquet").row(0, named=True)
    code, out, _ = cxm("show", turn["conversation_id"], "--data", tiny_world, "--json")
    assert code == 0
    assert json.loads(out)["turns"][0]["speaker"]
    code, _, err = cxm("show", turn["conversation_id"] + "x", "--data", tiny_world)
    assert code == 2
    assert "did you mean" in err


def test_show_masks_personal_data_unless_told_not_to(cxm, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    texts = ["My name is Ada Lovelace, order AB1234567.", "Thank you Ada."]
    rows = {"conversation_id": "c", "turn_index": [0, 1], "speaker": ["customer", "agent"], "text": texts}
    store.write(store.checked(pl.DataFrame(rows), "turns"), data, "turns")
    _, out, _ = cxm("show", "c", "--data", data, "--json")
    masked = [turn["text"] for turn in json.loads(out)["turns"]]
    assert not any(word in " ".join(masked) for word in ("Ada", "Lovelace", "1234567"))
    _, out, _ = cxm("show", "c", "--data", data, "--unmasked", "--json")
    assert [turn["text"] for turn in json.loads(out)["turns"]] == texts


def test_a_dismissed_finding_stays_away(cxm, tmp_path, tiny_world, offline):
    data = tmp_path / "data"
    data.mkdir()
    store.write(pl.read_parquet(tiny_world / "articles.parquet"), data, "articles")
    cxm("run", "kb_refinement", "--data", data)
    found = store.scan(tmp_path / "out", "article_findings").collect()
    left, right = found.row(0)[:2]
    code, _, _ = cxm("kb", "dismiss", right, left, "--reason", "known", "--data", data)
    assert code == 0
    cxm("run", "kb_refinement", "--data", data)
    again = store.scan(tmp_path / "out", "article_findings").collect()
    assert not again.filter(
        (pl.col("left_article_id") == left) & (pl.col("right_article_id") == right)
    ).height


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


def test_tables_and_tasks_print_json(cxm):
    code, out, err = cxm("tables", "--json")
    assert (code, err) == (0, "")
    assert {table["table"] for table in json.loads(out)} >= {"conversations", "scores", "kpis"}
    code, out, _ = cxm("tasks", "--json")
    assert len(json.loads(out)) == 8


def test_the_installed_command_exits_and_prints_as_promised():
    command = [sys.executable, "-m", "cxm.cli", "validate", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_run_stopped_by_its_tables_leaves_one_line_and_no_progress(tmp_path):
    row = {"conversation_id": "c1", "turn_index": 0, "speaker": "customer", "text": "hello"}
    pl.DataFrame([row, row]).write_parquet(tmp_path / "turns.parquet")
    arguments = ["run", "sentiment", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "cxm.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cxm validate" in done.stderr


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
