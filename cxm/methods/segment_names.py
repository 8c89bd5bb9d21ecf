"""What a segment is called: by who is still there by their own rhythm, how often they buy, what they spend.

Grouping customers is in `mixture`, the classical cells, which go by days and quintiles alone, in `rfm`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cxm.methods.rfm import N_SCORES

_SPEND_WORDS = {2: ("higher-spend", "lower-spend"), 3: ("high-spend", "mid-spend", "low-spend")}
_MANY, _MOST, _MUCH = 1 / 3, 0.5, 1.5
_LONG = 10.0
_OFTEN, _SELDOM = 0.7 * N_SCORES, 0.5 * N_SCORES


@dataclass(frozen=True)
class Centre:
    """What marks a segment.

    `lapsed_share`: of customers whose pause exceeds three of their own gaps; `pause`: the median pause in
    own gaps; `single_share`: of customers who bought once; `frequency`: their mean frequency score, 1 to 5;
    `spend_ratio`: a customer's mean spend over that of all customers.
    """

    lapsed_share: float
    pause: float
    single_share: float
    frequency: float
    spend_ratio: float


def name_of(centre: Centre) -> str:
    """The name of a segment alone; others may have the same."""
    if centre.lapsed_share > _MANY:
        if centre.spend_ratio >= _MUCH:
            return "cannot lose them"
        if centre.frequency < _SELDOM:
            return "hibernating"
        return "at risk" if centre.pause <= _LONG else "lost regulars"
    if centre.single_share > _MOST:
        return "new" if centre.pause <= 1 else "bought once"
    if centre.spend_ratio >= _MUCH:
        return "champions" if centre.frequency >= _OFTEN else "big spenders"
    if centre.frequency >= _OFTEN:
        return "loyal"
    return "regular" if centre.frequency >= _SELDOM else "occasional"


def name_segments(centres: list[Centre]) -> list[str]:
    """Unique names of segments, given dearest first; those of one name are told apart by their spend."""
    plain = [name_of(centre) for centre in centres]
    names = []
    for i, name in enumerate(plain):
        same, place = plain.count(name), plain[:i].count(name)
        if same == 1:
            names.append(name)
        elif same in _SPEND_WORDS:
            names.append(f"{_SPEND_WORDS[same][place]} {name}")
        else:
            names.append(f"{name} (spend rank {place + 1} of {same})")
    return names
