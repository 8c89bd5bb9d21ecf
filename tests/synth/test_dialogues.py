import polars as pl

from synth.worlds import World


def test_evidence_turns_are_turns_of_the_agent(world: World) -> None:
    evidence = (
        world.tables["quality_labels"]
        .explode("evidence_turns")
        .drop_nulls("evidence_turns")
        .join(
            world.tables["turns"],
            left_on=["conversation_id", "evidence_turns"],
            right_on=["conversation_id", "turn_index"],
            how="left",
            validate="m:1",
        )
    )
    assert evidence.height > 500
    assert evidence["speaker"].unique().to_list() == ["agent"]


def test_evidence_shows_what_it_is_evidence_of(world: World) -> None:
    evidence = (
        world.tables["quality_labels"]
        .explode("evidence_turns")
        .join(
            world.tables["turns"],
            left_on=["conversation_id", "evidence_turns"],
            right_on=["conversation_id", "turn_index"],
            validate="m:1",
        )
    )
    signs = {
        ("greeting", "yes"): "Larkfield",
        ("identity", "yes"): "postcode",
        ("more_help", "yes"): r"(anything else|other|further)",
        ("promise", "no"): r"(guarantee|promise|my word)",
        ("closing", "yes"): r"Thank",
    }
    for (criterion, answer), sign in signs.items():
        texts = evidence.filter(criterion=criterion, answer=answer)["text"]
        assert texts.len() > 10
        assert texts.str.contains(sign).all(), criterion
    unkept = evidence.filter(criterion="greeting", answer="no")["text"]
    assert not unkept.str.contains("Larkfield").any()


def test_every_reviewed_conversation_has_an_answer_to_every_criterion(world: World) -> None:
    labels = world.tables["quality_labels"]
    per_conversation = labels.group_by("conversation_id").agg(pl.col("criterion").n_unique())
    assert per_conversation["criterion"].unique().to_list() == [world.tables["scorecard"].height]
    assert set(labels["answer"]) == {"yes", "no", "not_applicable"}


def test_sentiment_is_labelled_for_every_customer_turn_and_no_other(world: World) -> None:
    said = world.tables["turns"].filter(speaker="customer").select("conversation_id", "turn_index")
    labelled = world.tables["sentiment_labels"].select("conversation_id", "turn_index")
    assert said.sort(pl.all()).equals(labelled.sort(pl.all()))
    shares = world.tables["sentiment_labels"]["polarity"].value_counts(normalize=True)
    by_polarity = dict(shares.rows())
    assert by_polarity["neutral"] > 0.5
    assert min(by_polarity.values()) > 0.08


def test_reply_points_are_turns_that_follow_the_customer_or_a_tool(world: World) -> None:
    points = world.tables["reply_labels"].join(
        world.tables["turns"], on=["conversation_id", "turn_index"], validate="1:1"
    )
    assert points.height == world.tables["reply_points"].height
    assert set(points["speaker"]) <= {"agent", "bot"}
    assert (points["text"] == points["reply"]).all()
    has_articles, has_tool = pl.col("article_ids").list.len() > 0, pl.col("tool_name").is_not_null()
    assert points.select((has_articles ^ has_tool).all()).item()
    per_conversation = points.group_by("conversation_id").len()["len"]
    assert per_conversation.max() <= 5  # type: ignore[operator]


def test_a_called_tool_answers_in_the_next_turn_and_is_among_its_candidates(world: World) -> None:
    calls = (
        world.tables["reply_labels"]
        .drop_nulls("tool_name")
        .join(world.tables["reply_points"], on=["conversation_id", "turn_index"], validate="1:1")
        .with_columns(pl.col("turn_index") + 1)
        .join(world.tables["turns"], on=["conversation_id", "turn_index"], validate="1:1")
    )
    assert calls["speaker"].unique().to_list() == ["system"]
    assert calls.select(pl.col("text").str.starts_with(pl.col("tool_name")).all()).item()
    given = calls.drop_nulls("tool_candidates")
    assert 0 < given.height < calls.height
    assert given.select(pl.col("tool_candidates").list.contains(pl.col("tool_name")).all()).item()


def test_speakers_take_turns_and_no_phrase_is_left_unfilled(world: World) -> None:
    turns = world.tables["turns"].with_columns(
        pl.col("speaker").shift(1).over("conversation_id").alias("before")
    )
    assert turns.filter(speaker="customer", before="customer").height == 0
    said = turns.filter(pl.col("speaker") != "system")["text"]
    assert not said.str.contains(r"[\[\]{}|]").any()
    assert not said.str.contains(r"  | [?.,!]|^\s|\s$").any()
    assert (said.str.len_chars() > 0).all()


def test_no_two_conversations_are_equal(world: World) -> None:
    whole = world.tables["turns"].sort("conversation_id", "turn_index")
    texts = whole.group_by("conversation_id").agg(pl.col("text").str.join("\n"))["text"]
    assert texts.n_unique() == texts.len() == world.tables["conversations"].height


def test_those_who_give_up_or_meet_only_the_bot_have_no_agent(world: World) -> None:
    alone = world.tables["conversations"].filter(pl.col("is_abandoned") | pl.col("is_bot_only"))
    turns = world.tables["turns"].join(alone, on="conversation_id", how="semi")
    assert alone.height > 5
    assert alone["agent_id"].null_count() == alone.height
    assert "agent" not in set(turns["speaker"])
    given_up = alone.filter("is_abandoned")
    assert world.tables["intent_labels"].join(given_up, on="conversation_id", how="semi").height == 0


def test_some_labels_are_not_in_the_taxonomy(world: World) -> None:
    known = set(world.tables["taxonomy"]["intent"])
    labels = world.tables["intent_labels"]["intent"]
    strays = [intent for intent in labels if intent not in known]
    assert set(strays) == set(world.truth["out_of_scope"])
    assert 0.03 < len(strays) / len(labels) < 0.12


def test_splits_are_half_and_half_and_one_to_a_conversation(world: World) -> None:
    frames = [
        world.tables[name].select("conversation_id", "split")
        for name in ("intent_labels", "sentiment_labels", "quality_labels", "reply_labels")
    ]
    splits = pl.concat(frames).unique()
    assert splits["conversation_id"].is_unique().all()
    assert 0.4 < (splits["split"] == "train").mean() < 0.6  # type: ignore[operator]
