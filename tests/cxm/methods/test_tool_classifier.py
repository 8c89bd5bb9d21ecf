"""What labelled dialogues say of the next tool."""

import numpy as np

from cxm.backends.encoder import HashingEncoder
from cxm.methods.dialogues import Context, Turn
from cxm.methods.tool_classifier import (
    fit_tool_classifier,
    spread_chances,
    tool_chances,
    with_new_tools,
)
from cxm.methods.tool_features import Dialogues

ENCODE = HashingEncoder().encode


def dialogues(*texts: str, prefix: str = "c") -> Dialogues:
    said = [(Turn("customer", text),) if text else () for text in texts]
    return Dialogues.read([Context(f"{prefix}{i:02}", 1, turns) for i, turns in enumerate(said)], ENCODE)


def test_a_tool_is_told_by_what_its_dialogues_say_and_one_without_labels_is_unknown() -> None:
    texts = [
        f"{what} number {i}" for what in ("it went missing", "what a noise", "just a chat") for i in range(9)
    ]
    called = ["track"] * 9 + ["repair"] * 9 + [None] * 9
    classifier = fit_tool_classifier(dialogues(*texts), called, 7)
    names = ("new_tool", "repair", "track")
    found = tool_chances(classifier, dialogues("such a noise", "only a chat", prefix="n"), names)
    assert found.shape == (2, 4)
    assert np.isnan(found[:, 0]).all()
    assert np.nanargmax(found, axis=1).tolist() == [1, 3]


def test_chances_of_training_rows_owe_nothing_to_their_own_conversation() -> None:
    # Two turns each of ten conversations with a word of their own; tools are drawn at random.
    tools = np.random.default_rng(0).integers(0, 2, 10)
    words = ["apple", "bear", "cedar", "dune", "ember", "fjord", "grove", "heron", "inlet", "jade"]
    contexts = [Context(f"c{i}", n, (Turn("customer", words[i]),)) for i in range(10) for n in (1, 2)]
    called = [f"t{tools[i]}" for i in range(10) for _ in (1, 2)]
    classifier = fit_tool_classifier(Dialogues.read(contexts, ENCODE), called, 7)
    assert classifier is not None
    assert classifier.out_of_fold is not None
    guessed = [classifier.classes[i] for i in classifier.out_of_fold.argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(guessed, called, strict=True)]) < 0.8


def test_one_class_or_no_words_teach_nothing() -> None:
    assert fit_tool_classifier(dialogues("a", "b"), ["t", "t"], 7) is None
    assert fit_tool_classifier(dialogues("", ""), ["t", None], 7) is None
    assert np.isnan(tool_chances(None, dialogues("a"), ("t",))).all()
    assert spread_chances(np.zeros((0, 1)), ["t"], ("t",)).shape == (0, 2)


def test_tools_taken_for_new_leave_their_chance_to_the_others() -> None:
    chances = np.log(np.tile([0.5, 0.25, 0.25], (400, 1)))
    found = with_new_tools(chances, 0.3, 7)
    is_new = np.isnan(found)
    assert not is_new[:, -1].any()
    assert 0.2 < is_new[:, :-1].mean() < 0.4
    only_first = is_new[:, 0] & ~is_new[:, 1]
    assert np.allclose(np.exp(found[only_first, 1]), 0.5)
    assert np.array_equal(found[:, -1], chances[:, -1])
    assert np.isnan(with_new_tools(np.full((3, 2), np.nan), 0.3, 7)).all()
