"""What a segment is called: the classical cell of its centre, told apart by spend where two share one.

Grouping customers is in `mixture`, the classical cells themselves in `rfm`.
"""

from __future__ import annotations

from cxm.methods.rfm import cell_name

_SPEND_WORDS = {2: ("higher-spend", "lower-spend"), 3: ("high-spend", "mid-spend", "low-spend")}


def name_segments(centres: list[tuple[float, float]]) -> list[str]:
    """Unique names of segments, given dearest first as mean (recency score, frequency score).

    The classical cell of the mean scores; segments of the same cell are told apart by their spend.
    """
    cells = [cell_name(r, f) for r, f in centres]
    names = []
    for i, cell in enumerate(cells):
        same, place = cells.count(cell), cells[:i].count(cell)
        if same == 1:
            names.append(cell)
        elif same in _SPEND_WORDS:
            names.append(f"{_SPEND_WORDS[same][place]} {cell}")
        else:
            names.append(f"{cell} (spend rank {place + 1} of {same})")
    return names
