from cxm.methods.segment_names import Centre, name_of, name_segments


def test_names_are_unique_whatever_the_centres():
    champions, lost = Centre(0.0, 0.5, 0.0, 5.0, 6.0), Centre(1.0, 30.0, 0.2, 1.5, 0.2)
    names = name_segments([champions] * 2 + [lost] * 4)
    assert len(set(names)) == 6
    assert names[0] == "higher-spend champions"
    assert names[-1] == "hibernating (spend rank 4 of 4)"


def test_who_buys_seldom_but_still_does_is_not_called_gone_and_much_spend_is_said():
    # Last seen 68 days ago, as usual with 90 days between purchases.
    assert name_of(Centre(0.08, 0.75, 0.1, 1.6, 0.2)) == "occasional"
    # Nearly half of all spend in a sixth of the customers, nine purchases each.
    assert name_of(Centre(0.03, 0.65, 0.06, 2.7, 2.5)) == "big spenders"


def test_who_bought_once_is_new_only_for_so_long():
    assert name_of(Centre(0.0, 0.5, 0.8, 1.2, 0.2)) == "new"
    assert name_of(Centre(0.1, 1.8, 0.8, 1.2, 0.2)) == "bought once"
    assert name_of(Centre(0.5, 2.7, 0.8, 1.2, 0.2)) == "hibernating"


def test_of_those_who_stopped_regular_buyers_are_at_risk_and_later_lost():
    assert name_of(Centre(0.9, 4.0, 0.0, 3.5, 0.6)) == "at risk"
    assert name_of(Centre(1.0, 20.0, 0.0, 3.5, 0.6)) == "lost regulars"
    assert name_of(Centre(0.9, 5.0, 0.0, 3.5, 2.0)) == "cannot lose them"
