"""Drivers found without a taxonomy keep their names and come back from disk."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.conversations import describe_conversations, to_unit
from cxm.methods.discovered import Discovered, Driver, discover, keep_names
from cxm.methods.driver_space import fit_driver_space

TOPICS = {
    "parcel": [
        "where is my parcel",
        "the parcel is late",
        "no parcel came to me",
        "parcel lost by the courier",
    ],
    "refund": ["money back please", "refund the kettle", "I want a refund", "my refund is missing"],
    "password": [
        "reset my password",
        "password does not work",
        "locked out, password",
        "new password please",
    ],
    "voucher": ["my voucher is rejected", "voucher has expired", "which voucher counts", "two voucher codes"],
}
KNOWN = ["parcel", "refund", "password"]
TOOLS = {
    "parcel": "track_parcel",
    "refund": "start_refund",
    "password": "send_reset",
    "voucher": "check_voucher",
}


def talks(names: list[str], n: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """`n` conversations of each topic: what the customer says, and the tool the system calls."""
    rows = []
    for name in names:
        for i in range(n):
            text = f"{TOPICS[name][i % 4]} {i % 7}"
            rows.append((f"{name}-{i:03}", 0, "customer", text))
            rows.append((f"{name}-{i:03}", 1, "system", f"{TOOLS[name]} done"))
    turns = pl.DataFrame(rows, schema=["conversation_id", "turn_index", "speaker", "text"], orient="row")
    return turns.select("conversation_id").unique().lazy(), turns.lazy()


@pytest.fixture
def seen(encoder):
    return lambda names, n=40: describe_conversations(*talks(names, n), encoder.encode)


def test_what_systems_did_holds_a_driver_together(seen):
    conversations = seen(KNOWN)
    found = discover(conversations, (3,), seed=7)
    group = found.strengths(conversations).argmax(axis=1)
    topic = np.array([id_.split("-")[0] for id_ in conversations.ids])
    assert len(found.drivers) == 3
    assert all(len(np.unique(topic[group == g])) == 1 for g in range(3))
    assert {"parcel", "refund", "password"} <= set(
        ", ".join(d.description for d in found.drivers).split(", ")
    )


def test_drivers_come_back_from_their_parts(seen):
    conversations = seen(["parcel", "refund"])
    found = discover(conversations, (2,), seed=7)
    again = Discovered.from_parts(*found.to_parts())
    assert again.drivers == found.drivers
    assert np.array_equal(again.strengths(conversations), found.strengths(conversations))


def test_names_stay_when_a_driver_is_added(seen):
    before = discover(seen(KNOWN), (3,), seed=7)
    known = {"shipping": "parcel", "money": "refund", "account": "password"}
    renamed = [
        Driver(next(n for n, word in known.items() if word in d.description), None, d.description)
        for d in before.drivers
    ]
    before = Discovered(renamed, before.space, before.points, before.wholes)
    now = keep_names(discover(seen(list(TOPICS), 41), (4,), seed=7), before)
    by_name = {d.intent: d.description for d in now.drivers}
    assert "parcel" in by_name["shipping"]
    assert "refund" in by_name["money"]
    assert "password" in by_name["account"]
    assert len(by_name) == 4


def test_a_new_driver_takes_no_name_that_an_earlier_one_had(seen):
    space = fit_driver_space(seen(["parcel"]), seed=7)
    axes = to_unit(np.eye(4, 6, dtype=np.float32))
    old = Discovered([Driver("late", "post", "a"), Driver("lost", "post", "b")], space, axes[:2], axes[:2])
    new = Discovered([Driver("gone", "mail", "b"), Driver("late", "mail", "c")], space, axes[1:3], axes[1:3])
    named = keep_names(new, old).drivers
    assert [d.intent for d in named] == ["lost", "late 2"]
    assert {d.parent for d in named} == {"post"}
    assert keep_names(old, old).drivers == old.drivers


def test_drivers_need_a_conversation(seen):
    conversations = seen(["parcel"])
    with pytest.raises(ValueError, match="at least one"):
        discover(conversations.rows(np.zeros(len(conversations), dtype=bool)), (3,), seed=7)
