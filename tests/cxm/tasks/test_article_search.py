"""Finding articles, and what no article answers."""

import json
from dataclasses import replace

import polars as pl
import pytest

from cxm import runs
from cxm.errors import RowProblems
from cxm.metrics.intervals import Estimate
from cxm.store import checked
from cxm.tables import TABLES
from cxm.tasks.article_search import TASK
from cxm.workspace import Workspace

TITLES = ["Returns", "Delivery", "Gift cards", "Opening hours"]
BODIES = [
    "You can return a drill within 30 days. Bring the receipt.",
    "We deliver parcels on weekdays. A parcel takes two days to arrive.",
    "A gift card is valid for three years. The balance is printed on it.",
    "The store opens at nine. It closes at six.",
]


def articles() -> pl.DataFrame:
    rows = {
        "article_id": ["a1", "a2", "a3", "a4"],
        "title": TITLES,
        "body": BODIES,
        "body_format": ["text"] * 4,
        "kind": ["information"] * 4,
    }
    return checked(pl.DataFrame(rows), "articles")


def queries(*texts: str) -> pl.DataFrame:
    return checked(
        pl.DataFrame({"query_id": [f"q{i}" for i in range(len(texts))], "text": list(texts)}), "queries"
    )


def turns(**said: list[str]) -> pl.DataFrame:
    rows = [
        {"conversation_id": name, "turn_index": i, "speaker": "customer", "text": text}
        for name, texts in said.items()
        for i, text in enumerate(texts)
    ]
    return checked(pl.DataFrame(rows), "turns")


def run(tmp_path, data, encoder):
    workspace = Workspace(data, tmp_path / "out", encoder)
    runs.run(TASK, workspace)
    return workspace


def test_each_query_gets_every_article_where_there_are_fewer_than_twenty(tmp_path, write_tables, encoder):
    data = write_tables(articles=articles(), queries=queries("return a drill", "", "AND ( \x00", "مرحبا 😀"))
    hits = run(tmp_path, data, encoder).read("article_hits").collect()
    assert hits.group_by("query_id").agg(pl.col("article_id").n_unique())["article_id"].to_list() == [4] * 4
    assert hits.filter(query_id="q0", rank=1)["article_id"].item() == "a1"
    for _, ranked in hits.group_by("query_id"):
        assert ranked.sort("rank")["score"].is_sorted(descending=True)


def test_with_conversations_alone_only_gaps_are_written(tmp_path, write_tables, encoder):
    said = {f"c{i}": ["Hello", "My violin strings snap all the time"] for i in range(4)}
    workspace = run(tmp_path, write_tables(articles=articles(), turns=turns(**said)), encoder)
    assert workspace.read("article_hits").collect().height == 0
    gaps = workspace.read("knowledge_gaps").collect()
    assert gaps.schema == TABLES["knowledge_gaps"].empty().schema


def test_without_articles_everything_is_a_gap_named_by_its_own_words(tmp_path, write_tables, encoder):
    said = {f"c{i}": ["Hello", "My violin strings snap"] for i in range(3)}
    data = write_tables(
        articles=articles().clear(), turns=turns(**said), queries=queries("violin strings snap", "")
    )
    workspace = run(tmp_path, data, encoder)
    gap = workspace.read("knowledge_gaps").collect().row(0, named=True)
    assert (gap["n_conversations"], gap["n_queries"], gap["answer_probability"]) == (3, 1, 0.0)
    assert "violin" in gap["name"]
    assert set(gap["example_ids"]) <= {"c0", "c1", "c2", "q0"}
    assert workspace.read("article_hits").collect().height == 0


def test_one_article_and_one_query_are_enough(tmp_path, write_tables, encoder):
    data = write_tables(articles=articles().head(1), queries=queries("drill"))
    assert run(tmp_path, data, encoder).read("article_hits").collect()["rank"].to_list() == [1]


def test_a_label_of_an_unknown_article_stops_the_run_in_one_line(tmp_path, write_tables, encoder):
    labels = pl.DataFrame({"query_id": ["q0"], "article_id": "gone", "relevance": 1, "split": "train"})
    data = write_tables(articles=articles(), queries=queries("drill"), qrels=checked(labels, "qrels"))
    with pytest.raises(RowProblems, match="gone") as error:
        run(tmp_path, data, encoder)
    assert "\n" not in str(error.value)


def test_a_base_of_one_text_told_a_thousand_times_is_searched(tmp_path, write_tables, encoder):
    twins = (
        articles()
        .head(1)
        .drop("article_id")
        .join(pl.DataFrame({"article_id": [f"t{i:04}" for i in range(1000)]}), how="cross")
    )
    data = write_tables(articles=checked(twins, "articles"), queries=queries("drill", "violin"))
    hits = run(tmp_path, data, encoder).read("article_hits").collect()
    assert hits.filter(query_id="q0")["article_id"].to_list() == [f"t{i:04}" for i in range(20)]


def test_a_query_without_hits_counts_as_wrong():
    gold = pl.DataFrame(
        {
            "query_id": ["q0", "q0", "q1", "q2", "q3"],
            "article_id": ["a", "b", "a", "a", "b"],
            "relevance": [2, 1, 1, 0, 1],
            "split": ["test", "test", "test", "test", "train"],
        }
    )
    hits = pl.DataFrame(
        {"query_id": ["q0", "q0", "q0"], "rank": [2, 1, 3], "article_id": ["a", "x", "b"]},
        schema_overrides={"rank": pl.Int32},
    )
    found = {e.metric: e for e in TASK.score({"article_hits": hits}, gold, {}, TASK.params())}
    assert {name: e.value for name, e in found.items() if name != "ndcg_at_10"} == {
        "hit_at_1": 0.0,
        "recall_at_5": 0.5,
        "recall_at_10": 0.5,
        "mrr_at_10": 0.25,
        "coverage": 0.5,
    }
    assert all(isinstance(e, Estimate) and e.n == 2 for e in found.values())


def test_params_that_allow_no_gap_give_none(tmp_path, write_tables, encoder):
    data = write_tables(articles=articles(), queries=queries(*["violin"] * 5))
    workspace = Workspace(data, tmp_path / "out", encoder)
    tables = runs.read_inputs(TASK, workspace)
    model = TASK.method.fit(tables, None, TASK.params(), workspace.services)
    params = replace(TASK.params(), gap_probability=0.0)
    assert TASK.method.predict(tables, model, params, workspace.services)["knowledge_gaps"].height == 0


def test_a_small_sample_of_needs_is_drawn_where_there_are_too_many(tmp_path, write_tables, encoder):
    data = write_tables(articles=articles().clear(), queries=queries(*["violin strings"] * 9))
    workspace = Workspace(data, tmp_path / "out", encoder)
    runs.run(TASK, workspace, replace(TASK.params(), max_needs=4))
    assert workspace.read("knowledge_gaps").collect()["n_queries"].to_list() == [4]


def test_what_was_tried_and_what_is_used_stands_in_the_comparison(tmp_path, tiny_world, encoder, caplog):
    workspace = Workspace(tiny_world, tmp_path / "out", encoder)
    with caplog.at_level("INFO"):
        runs.run(TASK, workspace)
    compared = workspace.read("model_comparison").filter(task="article_search").collect()
    used = compared.filter(pl.col("model").str.contains("used, labelled queries"))
    assert used["metric"].sort().to_list() == ["hit_at_1", "mrr_at_10"]
    assert compared["model"].str.starts_with("fusion").any()
    assert "ranked by" in caplog.text
    runs.run(TASK, workspace, use_labels=False)
    compared = workspace.read("model_comparison").filter(task="article_search").collect()
    assert compared["model"].str.contains("made queries").all()


def test_a_conversation_in_which_the_agent_says_what_an_article_says_is_answered(
    tmp_path, write_tables, encoder
):
    def talk(answer: str) -> list[dict]:
        return [
            {"conversation_id": f"c{i}", "turn_index": j, "speaker": speaker, "text": text}
            for i in range(5)
            for j, (speaker, text) in enumerate([("customer", "My violin strings snap"), ("agent", answer)])
        ]

    gaps = []
    for name, answer in (("said", BODIES[1]), ("unsaid", "We have no idea what to do about that here.")):
        data = write_tables(name, articles=articles(), turns=checked(pl.DataFrame(talk(answer)), "turns"))
        workspace = Workspace(data, tmp_path / name / "out", encoder)
        runs.run(TASK, workspace, replace(TASK.params(), gap_probability=0.9))
        gaps.append(workspace.read("knowledge_gaps").collect().height)
    assert gaps == [0, 1]


@pytest.mark.slow
def test_the_launched_product_is_the_largest_gap_of_the_simulated_brand(tmp_path):
    from synth import Knobs, write_world

    write_world(tmp_path / "world", Knobs())
    truth = json.loads((tmp_path / "world" / "truth.json").read_text())
    workspace = Workspace(tmp_path / "world", tmp_path / "out")
    scores = {row["metric"]: row for row in runs.score(TASK, workspace).to_dicts()}
    assert scores["hit_at_1"]["value"] >= scores["hit_at_1"]["baseline"] + 0.2
    found = workspace.read("knowledge_gaps").sort("gap_id").collect()
    intents = {c["conversation_id"]: c["intent"] for c in truth["contacts"]}
    assert {intents[id_] for id_ in found["example_ids"][0]} <= set(truth["launch"]["intents"])
    assert found.height < 100


@pytest.mark.slow
def test_it_beats_bm25_on_a_real_manual(tmp_path, shared_data):
    workspace = Workspace(shared_data("emanual_tv"), tmp_path / "out")
    scores = {row["metric"]: row for row in runs.score(TASK, workspace).to_dicts()}
    assert scores["hit_at_1"]["value"] >= 0.85
    assert scores["hit_at_1"]["low"] > scores["hit_at_1"]["baseline"]
    assert scores["mrr_at_10"]["value"] >= 0.92
