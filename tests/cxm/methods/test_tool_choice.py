"""Choosing a tool."""

import polars as pl

from cxm.backends.encoder import HashingEncoder
from cxm.methods.dialogues import Context, Turn
from cxm.methods.tool_choice import ToolModel, choose_tools, fit_tools, plain_model
from cxm.methods.tool_features import Dialogues, Tools, tool_text

ENCODE = HashingEncoder().encode
TOOLS = Tools.from_frame(
    pl.DataFrame(
        {
            "tool_name": ["track_parcel", "cancel_order", "book_repair"],
            "description": ["Where a parcel is now", "Cancel an order", "Book a repair visit"],
            "parameters": ["", "{", '{"properties": {"visitDay": {"description": "the day"}}}'],
        }
    ),
    ENCODE,
)


def dialogues(*texts: str, prefix: str = "c") -> Dialogues:
    said = [(Turn("customer", text),) for text in texts]
    return Dialogues.read([Context(f"{prefix}{i:02}", 1, turns) for i, turns in enumerate(said)], ENCODE)


def choose(found: Dialogues, model=None, candidates=None, **given) -> list[str | None]:
    candidates = candidates or [None] * len(found.contexts)
    return choose_tools(found, TOOLS, model or plain_model(), candidates, ENCODE, **given)


def test_a_tool_is_described_by_its_name_words_and_parameters() -> None:
    assert tool_text("bookRepair", "Book.", '{"properties": {"visitDay": {"description": "the day"}}}') == (
        "book repair\nBook.\nvisit day: the day"
    )


def test_without_labels_the_tool_most_like_the_request_is_chosen_and_courtesy_needs_none() -> None:
    assert choose(dialogues("please cancel my order", "Thanks, bye!")) == ["cancel_order", None]


def test_what_the_agent_offers_counts() -> None:
    turns = (
        Turn("customer", "it is broken"),
        Turn("agent", "Shall I book a repair visit?"),
        Turn("customer", "Yes"),
    )
    assert choose(Dialogues.read([Context("c", 3, turns)], ENCODE)) == ["book_repair"]


def test_after_a_tool_has_answered_none_is_called() -> None:
    turns = (Turn("customer", "please cancel my order"), Turn("system", "cancel_order: done"))
    assert choose(Dialogues.read([Context("c0", 2, turns)], ENCODE)) == [None]


def test_candidates_restrict_the_choice_and_a_refused_tool_is_passed_over() -> None:
    found = dialogues("cancel the order, book a repair")
    assert choose(found, candidates=[["book_repair", "unknown"]]) == ["book_repair"]
    assert choose(found, candidates=[[]]) == [None]
    refused = choose(dialogues("please cancel my order"), is_refused=lambda name, _: name == "cancel_order")
    assert refused[0] not in (None, "cancel_order")


def test_labels_teach_what_words_do_not_say_and_load_again() -> None:
    texts = [f"my thing number {i} went missing" for i in range(20)]
    texts += [f"the noise of number {i} is terrible" for i in range(20)]
    texts += [f"nothing new {i}, just a chat" for i in range(20)]
    called = ["track_parcel"] * 20 + ["book_repair"] * 20 + [None] * 20
    model, fit = fit_tools(dialogues(*texts), called, TOOLS, ENCODE, 7)
    assert fit.learned >= fit.plain
    new = dialogues("my thing went missing", "a terrible noise", "just a chat, nothing new", prefix="new")
    assert choose(new, model) == ["track_parcel", "book_repair", None]
    again = ToolModel.load(model.facts(), model.arrays(), model.booster)
    assert choose(new, again) == choose(new, model)


def test_a_tool_that_no_label_names_is_still_chosen_for_what_it_is() -> None:
    texts = [f"my thing number {i} went missing" for i in range(30)]
    texts += [f"please cancel my order number {i}" for i in range(30)]
    texts += [f"nothing new {i}, just a chat" for i in range(30)]
    called = ["track_parcel"] * 30 + ["cancel_order"] * 30 + [None] * 30
    model, _ = fit_tools(dialogues(*texts), called, TOOLS, ENCODE, 7)
    new = dialogues("please book a repair visit, book a repair for me", prefix="new")
    assert choose(new, model, [["book_repair", "track_parcel"]]) == ["book_repair"]


def test_few_labels_or_unknown_tools_teach_nothing() -> None:
    assert fit_tools(dialogues("a", "b"), ["track_parcel", None], TOOLS, ENCODE, 7)[0].past.called == ()
    assert fit_tools(dialogues(*"abcdefghijkl"), ["gone"] * 12, TOOLS, ENCODE, 7)[0].past.called == ()


def test_one_tool_and_only_calls_is_no_trouble() -> None:
    alone = Tools(TOOLS.names[:1], TOOLS.vectors[:1], TOOLS.name_words[:1])
    found = dialogues(*(f"order {i}" for i in range(12)))
    model, _ = fit_tools(found, [alone.names[0]] * 12, alone, ENCODE, 7)
    assert choose_tools(found, alone, model, [None] * 12, ENCODE) == [alone.names[0]] * 12


def test_no_tools_and_no_dialogues_are_no_trouble() -> None:
    frame = pl.DataFrame(schema={"tool_name": pl.String, "description": pl.String, "parameters": pl.String})
    none = Tools.from_frame(frame, ENCODE)
    assert choose_tools(dialogues("hello there"), none, plain_model(), [None], ENCODE) == [None]
    assert choose(dialogues()) == []
