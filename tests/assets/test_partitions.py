from datetime import UTC, datetime

import polars as pl
import pytest

from assets.partitions import choose_week, has_weeks
from cxm import store
from cxm.errors import CxmError
from cxm.tables import TABLES
from reports.periods import week_of


def drop_conversations(data):
    for name in ("conversations", "turns", "sentiment_labels"):
        (data / f"{name}.parquet").unlink()


def write_purchase(data):
    purchase = {"transaction_id": ["t"], "customer_id": ["c"], "amount": [1.0]}
    moment = pl.lit(datetime(2011, 12, 9, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    store.write(pl.DataFrame(purchase).with_columns(occurred_at=moment), data, "transactions")


def test_the_week_is_the_one_asked_for_or_the_last_with_conversations(offline):
    workspace = offline.workspace()
    assert has_weeks(workspace)
    assert choose_week(workspace) == choose_week(workspace, "2026-W31") == "2026-W31"


@pytest.mark.parametrize("wanted", ["2026-W30", "2026-31", "yesterday"])
def test_a_week_that_is_not_there_is_refused(offline, wanted):
    with pytest.raises(CxmError, match=wanted):
        choose_week(offline.workspace(), wanted)


def test_without_conversations_it_is_the_week_of_the_last_purchase(offline, data):
    drop_conversations(data)
    write_purchase(data)
    workspace = offline.workspace()
    assert not has_weeks(workspace)
    assert choose_week(workspace) == "2011-W49"
    with pytest.raises(CxmError, match="leave out --week"):
        choose_week(workspace, "2011-W49")


def test_where_nothing_has_a_date_it_is_the_present_week(offline, data):
    drop_conversations(data)
    store.write(TABLES["conversations"].empty(), data, "conversations")
    assert choose_week(offline.workspace()) == week_of(datetime.now(UTC))
