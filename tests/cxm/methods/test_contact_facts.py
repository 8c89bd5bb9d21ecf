import polars as pl

from cxm.methods.contact_facts import TOLD, contact_facts, with_told


def test_what_other_tasks_found_is_told_of_each_conversation_and_null_where_they_are_silent():
    tables = {
        "turns": pl.LazyFrame(
            {
                "conversation_id": ["a", "a", "b"],
                "turn_index": [0, 1, 0],
                "speaker": ["customer", "agent", "customer"],
                "text": ["this is terrible", "I see.", "thank you, great"],
            }
        ),
        "predicted_intents": pl.LazyFrame(
            {
                "conversation_id": ["a", "a", "b"],
                "rank": [1, 2, 1],
                "intent": ["delay", "refund", "refund"],
                "is_abstained": [False, False, True],
            }
        ),
        "quality_answers": pl.LazyFrame(
            {
                "conversation_id": ["a"] * 3,
                "criterion": ["x", "y", "z"],
                "answer": ["yes", "no", "not_applicable"],
            }
        ),
        "prepared_replies": pl.LazyFrame(
            {"conversation_id": ["a", "b"], "article_ids": [["k1", "k9"], ["k9", "k1"]]}
        ),
        "article_findings": pl.LazyFrame(
            {
                "left_article_id": ["k1", "k8"],
                "right_article_id": ["k2", "k9"],
                "relation": ["contradictory", "similar"],
            }
        ),
    }
    found = contact_facts(tables)
    assert found is not None
    assert found.to_dicts() == [
        {
            "conversation_id": "a",
            "ends_badly": True,
            "driver": "delay",
            "answer_quality": 0.5,
            "met_contradiction": True,
        },
        {
            "conversation_id": "b",
            "ends_badly": False,
            "driver": None,
            "answer_quality": None,
            "met_contradiction": False,
        },
    ]


def test_without_any_table_nothing_is_told_and_all_is_null():
    assert contact_facts({}) is None
    contacts = with_told(pl.DataFrame({"conversation_id": ["a"]}), None)
    assert contacts.schema == {"conversation_id": pl.String, **TOLD}
    assert all(contacts[name].null_count() == 1 for name in TOLD)
