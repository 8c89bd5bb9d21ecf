"""Single questions: what `cxm search`, `intent`, `sentiment`, `reply` and `show` print."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from cxm import store


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


BAD_DIALOGUES = {
    "nothing": ("", "no turns"),
    "blank lines": ("\n \n", "no turns"),
    "broken JSON": ('{"speaker": "customer", "text": "hi"}\n{"speaker": "cust', "line 2 is not a turn"),
    "a list": ('[{"speaker": "customer", "text": "hi"}]', "line 1 is not a turn"),
    "no text": ('{"speaker": "customer"}', "line 1 is not a turn"),
    "an unknown speaker": (
        '\n{"speaker": "Custmer", "text": "hi"}',
        "line 2: no such speaker: 'Custmer'; did you",
    ),
    "a speaker that is none": ('{"speaker": null, "text": "hi"}', "one of: agent, bot, customer, system"),
    "speakers": ('{"speaker": ["customer"], "text": "hi"}', "line 1: no such speaker"),
}


@pytest.mark.parametrize(("written", "told"), BAD_DIALOGUES.values(), ids=BAD_DIALOGUES)
def test_a_dialogue_that_cannot_be_read_is_told_by_file_and_line(cxm, tmp_path, tiny_world, written, told):
    dialogue = tmp_path / "dialogue.jsonl"
    dialogue.write_text(written)
    code, out, err = cxm("reply", dialogue, "--data", tiny_world)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "dialogue.jsonl" in err
    assert told in err


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
    conditions = ("--section", "no such place", "--language", "xx")
    code, out, err = cxm("search", "delivery", "--data", tiny_world, *conditions)
    assert (code, out) == (0, "")
    assert "sections: Account" in err
    assert "languages: en" in err
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
