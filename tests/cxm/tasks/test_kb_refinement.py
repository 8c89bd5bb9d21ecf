"""Repeated and contradicted passages are found, quoted, scored and dismissed."""

import json

import polars as pl
import pytest
from werkzeug import Response

from cxm import runs
from cxm.backends.chat import OpenAIChat
from cxm.backends.encoder import HashingEncoder
from cxm.methods.dismissals import sentences_digest
from cxm.tables import TABLES
from cxm.task import Services
from cxm.tasks.kb_refinement import TASK, RefinementParams
from cxm.workspace import Workspace

THINGS = [
    "mower",
    "sofa",
    "lamp",
    "kettle",
    "bicycle",
    "wardrobe",
    "shed",
    "barrel",
    "table",
    "bookcase",
    "heater",
    "carpet",
]
VERBS = [
    "charges",
    "folds",
    "glows",
    "boils",
    "rolls",
    "closes",
    "stands",
    "fills",
    "extends",
    "holds",
    "warms",
    "covers",
]
PLACES = [
    "garage",
    "hall",
    "porch",
    "kitchen",
    "street",
    "bedroom",
    "lawn",
    "terrace",
    "patio",
    "study",
    "cellar",
    "attic",
]


def article(number: int, body: str | None = None) -> dict:
    thing, verb, place = (words[number % 12] for words in (THINGS, VERBS, PLACES))
    text = (
        f"The {thing} {verb} best in the {place} on a dry morning.\n"
        f"Our {place} team can repair a broken {thing} handle within {number + 2} days.\n"
        f"Ask for model {thing.upper()} when the {verb} part is lost."
    )
    return {
        "article_id": f"a{number:02d}",
        "title": f"About the {thing}",
        "body": text if body is None else body,
    }


def frame(rows: list[dict]) -> pl.DataFrame:
    defaults = {
        "body_format": "text",
        "kind": "information",
        "section": None,
        "language": None,
        "updated_at": None,
    }
    return pl.DataFrame([defaults | row for row in rows], schema=TABLES["articles"].empty().schema)


def base_with_defects() -> pl.DataFrame:
    """Twelve articles; a03 repeats two sentences of a00, a05 contradicts a01."""
    rows = [article(i) for i in range(12)]
    rows[3]["body"] += "\n" + "\n".join(rows[0]["body"].split("\n")[:2])
    rows[5]["body"] += "\nOur hall team can repair a broken sofa handle within 44 days."
    return frame(rows)


def find(articles: pl.DataFrame, train=None, params=None, tmp_path=None, chat=None, **tables) -> pl.DataFrame:
    params = params or RefinementParams()
    services = Services(HashingEncoder(), tmp_path, chat)
    given = {"articles": articles.lazy()} | {name: table.lazy() for name, table in tables.items()}
    model = TASK.method.fit(given, train, params, services)
    return TASK.method.predict(given, model, params, services)["article_findings"]


def labels(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    columns = ("left_article_id", "right_article_id", "relation", "split")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def test_planted_defects_are_found_without_labels_and_quoted():
    found = {tuple(row[:2]): row[2:] for row in find(base_with_defects()).iter_rows()}
    assert found["a00", "a03"][0] == "similar"
    assert found["a01", "a05"][0] == "contradictory"
    assert "3 days" in found["a01", "a05"][1]
    assert "44 days" in found["a01", "a05"][2]


def test_a_language_model_that_is_set_has_the_last_word_on_findings(httpserver):
    def answer(request):
        question = request.get_json()["messages"][-1]["content"]
        said = "contradictory" if "44 days" in question else "unrelated"
        return Response(
            json.dumps({"choices": [{"message": {"content": said}}]}), content_type="application/json"
        )

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    found = find(base_with_defects(), chat=OpenAIChat("m", httpserver.url_for("/v1"), "key"))
    assert found.select("left_article_id", "right_article_id", "relation").rows() == [
        ("a01", "a05", "contradictory")
    ]


def test_findings_do_not_depend_on_the_order_of_rows():
    articles = base_with_defects()
    assert find(articles).equals(find(articles.sample(fraction=1, shuffle=True, seed=1)))


def test_a_dismissed_finding_stays_away_and_the_others_stay():
    articles = base_with_defects()
    before = find(articles)
    left, right, _, *quotes, _ = before.row(0)
    dismissed = pl.DataFrame(
        {
            "left_article_id": [left],
            "right_article_id": [right],
            "reason": ["meant so"],
            "sentences_digest": [sentences_digest(*quotes)],
        }
    )
    assert find(articles, dismissed_findings=dismissed).equals(before[1:])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [article(0)],
        [article(0, ""), article(1, " "), article(2, "\x00")],
        [article(i, "😀") for i in range(3)],
        [article(i, f"<b>{'<div>' * 500}text {i}</b>") | {"body_format": "html"} for i in range(3)],
        [article(0, "word " * 50_000), article(1, "שלום עולם. " * 20)],
    ],
    ids=["no article", "one", "empty bodies", "emoji", "nested html", "very long"],
)
def test_odd_bases_give_a_valid_table(rows):
    findings = find(frame(rows))
    assert findings.columns == TABLES["article_findings"].empty().columns


@pytest.mark.parametrize("is_equal", [True, False], ids=["equal", "with other numbers"])
def test_very_many_copies_are_each_linked_to_the_first(is_equal):
    body = article(0)["body"]
    rows = [
        article(0, body if is_equal else f"{body}\nSee case {i}.") | {"article_id": f"b{i:06d}"}
        for i in range(20_000)
    ]
    findings = find(frame(rows))
    firsts = findings.filter(pl.col("left_article_id") == "b000000")
    assert firsts["right_article_id"].to_list() == [f"b{i:06d}" for i in range(1, 20_000)]
    assert findings.height <= 20_000


def test_a_page_copied_forty_times_hides_no_other_finding():
    body = article(7)["body"]
    copies = [article(7, f"{body}\nSee case {i}.") | {"article_id": f"b{i:02d}"} for i in range(40)]
    findings = find(pl.concat([base_with_defects(), frame(copies)]))
    pairs = findings.select("left_article_id", "right_article_id").rows()
    assert len(set(pairs)) == len(pairs)
    assert {("a07", f"b{i:02d}") for i in range(40)} <= set(pairs)
    assert {("a00", "a03"), ("a01", "a05")} <= set(pairs)


def test_scores_count_false_alarms_wrong_relations_and_set_train_pairs_aside():
    gold = labels(
        ("a", "b", "similar", "test"),
        ("a", "c", "similar", "test"),
        ("a", "d", "contradictory", "test"),
        ("b", "c", "similar", "train"),
    )
    answers = [
        ("a", "b", "similar"),
        ("a", "c", "contradictory"),
        ("b", "c", "similar"),
        ("c", "d", "similar"),
    ]
    findings = pl.DataFrame(
        [(*row, "", "", 1.0) for row in answers],
        schema=TABLES["article_findings"].empty().schema,
        orient="row",
    )
    estimates = {
        e.metric: e for e in TASK.score({"article_findings": findings}, gold, {}, RefinementParams())
    }
    # Similar: a-b right, c-d a false alarm, a-c missed. Contradictory: a-c a false alarm, a-d missed.
    assert estimates["similar_precision"].value == 0.5
    assert estimates["similar_recall"].value == 0.5
    assert estimates["similar_f1"].value == 0.5
    assert estimates["contradictory_f1"].value == 0
    assert estimates["contradictory_precision"].value == 0
    assert (estimates["similar_f1"].n, estimates["contradictory_f1"].n) == (2, 1)


def test_perfect_findings_score_one_and_no_gold_scores_nothing():
    gold = labels(("a", "b", "similar", "test"), ("a", "c", "contradictory", "test"))
    findings = gold.select(
        "left_article_id",
        "right_article_id",
        "relation",
        left_quote=pl.lit(""),
        right_quote=pl.lit(""),
        score=pl.lit(1.0),
    )
    estimates = TASK.score({"article_findings": findings}, gold, {}, RefinementParams())
    assert [e.metric for e in estimates] == list(TASK.metrics)
    assert {e.value for e in estimates} == {1.0}
    assert TASK.score({"article_findings": findings}, None, {}, RefinementParams()) == []
    assert TASK.score({"article_findings": findings}, labels(), {}, RefinementParams()) == []


def test_a_saved_run_is_the_same_again(write_tables, tmp_path):
    data = write_tables(articles=base_with_defects())
    results = []
    for name in ("one", "two"):
        workspace = Workspace(data, tmp_path / name, encoder=HashingEncoder())
        results.append(runs.run(TASK, workspace)["article_findings"].read_bytes())
    assert results[0] == results[1]


@pytest.mark.slow
def test_real_manuals_reach_what_a_simple_heuristic_does(shared_data, tmp_path):
    """Similar F1 .65 and contradictory .53 were measured with thirty lines of code."""
    workspace = Workspace(shared_data("kb_defects_manuals"), tmp_path / "out")
    scores = dict(runs.score(TASK, workspace).select("metric", "value").iter_rows())
    assert scores["similar_f1"] >= 0.65
    assert scores["contradictory_f1"] >= 0.53
