"""What fills the gaps in a knowledge base's sentences: "it is [handed in at a store]".

Sentences that differ in one stretch of words have a frame and fillers; frames that take the same
fillers ask for the same kind of thing, so two of them filled differently give different values of one
property. How gaps are found and compared belongs here; numbers are facts (`cxm.methods.facts`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

_LEAST_FRAME, _MOST_FILLER, _MOST_WORDS = 3, 8, 40
# A frame with more fillers says little about them, and a filler of more frames little about those.
_MOST_FILLERS, _MOST_FRAMES = 60, 40
# Subjects, figures and pages are masked in forms: that they fill a gap tells nothing, unless a figure has
# words about it.
_MASKS = r"product|this page|^(?:\S+ )?#(?: \S+)?$"
_GAPS = ("form", "frame", "filler")


def find_gaps(forms: Sequence[str]) -> pl.DataFrame:
    """`form` (its number), `frame` and `filler`: every stretch that can be cut out of a form so that
    another form has the same rest around other words. No forms give no gaps.

    The stretch is no longer than need be: its first and its last word differ among the fillers.
    """
    words = (
        pl.DataFrame({"text": pl.Series(forms, dtype=pl.String)})
        .with_row_index("form")
        .select(
            pl.col("form").cast(pl.Int32),
            words=pl.col("text").str.to_lowercase().str.strip_chars_end(".!? ").str.split(" "),
        )
        .with_columns(n=pl.col("words").list.len().cast(pl.Int32))
        .filter(pl.col("n") <= _MOST_WORDS)
        .lazy()
    )
    join = pl.col("words").list
    cuts = [
        words.filter(pl.col("n") >= size + _LEAST_FRAME)
        .with_columns(start=pl.int_ranges(0, pl.col("n") - size + 1))
        .explode("start")
        .select(
            "form",
            filler=join.slice("start", size).list.join(" "),
            frame=pl.concat_str(
                join.head("start").list.join(" "),
                join.slice(pl.col("start") + size).list.join(" "),
                separator=" _ ",
            ),
        )
        .filter(pl.col("filler").str.len_chars() > 2, ~pl.col("filler").str.contains(_MASKS))
        for size in range(1, _MOST_FILLER + 1)
    ]
    first, last = (
        pl.col("filler").str.split(" ").list.get(place).n_unique().over("frame") for place in (0, -1)
    )
    found = (
        pl.concat(cuts)
        .filter(pl.len().over("frame") > 1)
        .filter(pl.col("filler").n_unique().over("frame").is_between(2, _MOST_FILLERS))
        .filter((first > 1) & (last > 1))
        .sort("form", "frame", "filler")
        .collect()
    )
    return found.select(*_GAPS)


def compare_fillers(gaps: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """`filler`, `fills` of `pairs` (form_one, form_two), in order: how telling the rarest words are that can
    fill a gap of both, and that do fill one of both here (logs; 0 for none)."""
    frames = gaps.select("frame", "filler").unique()
    telling = (
        frames.group_by("filler")
        .agg(n=pl.len())
        .filter(pl.col("n").is_between(2, _MOST_FRAMES))
        .select("filler", worth=float(np.log(frames["frame"].n_unique() + 1)) - pl.col("n").log())
    )
    own = gaps.join(telling, on="filler")
    can = gaps.select("form", "frame").unique().join(frames, on="frame").join(telling, on="filler")
    asked = pairs.with_row_index("row").lazy()
    columns = {}
    for name, known in (("filler", can), ("fills", own)):
        best = (
            asked.join(known.lazy().rename({"form": "form_one"}), on="form_one")
            .join(known.lazy().select("filler", form_two="form", other="frame"), on=["form_two", "filler"])
            .filter(pl.col("frame") != pl.col("other"))
            .group_by("row")
            .agg(pl.col("worth").max())
            .collect()
        )
        worth = np.zeros(pairs.height)
        worth[best["row"].to_numpy()] = best["worth"].to_numpy()
        columns[name] = worth.round(4)
    return pl.DataFrame(columns)
