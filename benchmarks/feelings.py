"""The model of feelings without labels, made from simulated conversations; and whether it is the shipped one.

`python -m benchmarks.feelings` writes `feeling_turns.csv` and `feeling_weights.csv` in `cxm/methods/data`.
Nothing is read but the two brand packs and what is written by hand there; no other data has a part in it.
The brands are simulated with another seed than the default world's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.figure import Figure
from cxm.backends.encoder import Encoder
from cxm.methods import feelings
from cxm.methods.feelings import FEELINGS, WEIGHED, prototype_weights, weighed_columns
from cxm.workspace import make_services
from synth.knobs import Knobs
from synth.worlds import make_world

DATA = Path(feelings.__file__).parent / "data"
TURNS, WEIGHTS = "feeling_turns.csv", "feeling_weights.csv"
CLOSE = 0.05
"""How far a weight may be from the shipped one; vectors differ in the last digits with the processor."""
_BRANDS, _SEED = ("fennwick", "larkfield"), 101
_SIZES = {"conversations": 1200, "customers": 1200}
# Of each brand and polarity. Longer turns say more than one thing.
_N_SENTENCES, _LONGEST = 150, 160
# Texts of each polarity that the weights are learnt from: one turn, and several turns in a row, since
# people write reviews and letters too, where praise and blame together are neutral.
_N_SINGLE, _N_JOINED, _MOST_JOINED, _MIXED_SHARE = 400, 500, 5, 1 / 3
_WORDLESS = 5 * ["", ".", "...", "?"]
_SINGLE_SHARE = 0.5
_STRENGTH = 1.0


def run() -> list[Figure]:
    """Whether the shipped files are what is made; vectors differ a little from machine to machine."""
    turns = simulate_turns()
    same = (DATA / TURNS).read_text(encoding="utf-8") == sentences_text(turns)
    _, shipped = read_weights((DATA / WEIGHTS).read_text(encoding="utf-8"))
    _, made = read_weights(weights_text(turns, make_services(Path("index")).encoder))
    return [
        Figure("simulated sentences are the shipped ones", float(same), "", ">=", 1),
        Figure("weights: farthest from the shipped", float(np.abs(shipped - made).max()), "", "<=", CLOSE),
    ]


def simulate_turns() -> pl.DataFrame:
    """Distinct customers' turns of the brands with their true polarity, in the order they are simulated.

    Columns brand, polarity, text, and is_shown: the conversations that sentences are taken from; the
    weights are learnt from the others.
    """
    parts = []
    for brand in _BRANDS:
        tables = make_world(Knobs(brand=brand, seed=_SEED, **_SIZES)).tables
        turns = tables["sentiment_labels"].join(
            tables["turns"], on=["conversation_id", "turn_index"], validate="1:1"
        )
        shown = pl.col("conversation_id").rank("dense") % 2 == 0
        parts.append(
            turns.filter(speaker="customer")
            .sort("conversation_id", "turn_index")
            .select("polarity", _on_one_line("text"), brand=pl.lit(brand), is_shown=shown)
        )
    return pl.concat(parts).unique("text", keep="first", maintain_order=True)


def _on_one_line(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(r"\s+", " ").str.strip_chars()


def sentences_text(turns: pl.DataFrame) -> str:
    """The file of simulated sentences: as many of each polarity and brand."""
    short = turns.filter("is_shown", pl.col("text").str.len_chars().is_between(2, _LONGEST))
    chosen = short.group_by("polarity", "brand", maintain_order=True).head(_N_SENTENCES)
    rows = chosen.sort("polarity", "brand", maintain_order=True).select("polarity", "text").rows()
    return _csv(("polarity", "sentence"), rows)


def weights_text(turns: pl.DataFrame, encoder: Encoder) -> str:
    """The file of weights: a logistic regression on nearness and cues of turns that were not shown."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    texts, codes, weights = _examples(turns.filter(~pl.col("is_shown")))
    prototypes = prototype_weights(encoder.encode)
    columns = weighed_columns(texts, encoder.encode(texts), prototypes)[:, :-1]
    with threadpool_limits(1):
        model = LogisticRegression(C=_STRENGTH, max_iter=2000, tol=1e-6).fit(columns, codes, weights)
    found = np.vstack([model.coef_.T, model.intercept_]).round(2) + 0.0  # no "-0.0"
    return _csv(("cue", *FEELINGS), [(cue, *row) for cue, row in zip(WEIGHED, found.tolist(), strict=True)])


def _examples(turns: pl.DataFrame) -> tuple[list[str], list[int], list[float]]:
    """Texts, codes of their polarity, and how much each counts."""
    generator = np.random.default_rng(_SEED)
    said = [turns.filter(polarity=feeling)["text"].to_list() for feeling in FEELINGS]
    neutral = FEELINGS.index("neutral")
    texts, codes, weights = [], [], []
    for code in range(len(FEELINGS)):
        single = [said[code][i] for i in generator.permutation(len(said[code]))[:_N_SINGLE]]
        joined = []
        for i in range(_N_JOINED):
            n = int(generator.integers(1, _MOST_JOINED + 1))
            if code == neutral and i < _MIXED_SHARE * _N_JOINED:
                sources = [2 * (place % 2) for place in range(max(n, 2))]  # blame, praise, blame ...
            else:
                # Whoever says much also says what it is about.
                sources = [neutral] * (n > 2) + [code] * (n - (n > 2))
            parts = [said[source][generator.integers(len(said[source]))] for source in sources]
            joined.append(" ".join(parts[i] for i in generator.permutation(len(parts))))
        single += _WORDLESS if code == neutral else []
        texts += [*single, *joined]
        codes += [code] * (len(single) + len(joined))
        weights += [_SINGLE_SHARE * _N_SINGLE / len(single)] * len(single)
        weights += [(1 - _SINGLE_SHARE) * _N_SINGLE / len(joined)] * len(joined)
    return texts, codes, weights


def _csv(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def read_weights(text: str) -> tuple[list[str], Any]:
    """The cues in a file of weights, and an array `(n_cues, 3)`."""
    rows = list(csv.reader(text.splitlines()))[1:]
    return [row[0] for row in rows], np.array([[float(value) for value in row[1:]] for row in rows])


def main() -> None:
    """Write both files; the weights are learnt with the sentences just written."""
    turns = simulate_turns()
    (DATA / TURNS).write_text(sentences_text(turns), encoding="utf-8")
    (DATA / WEIGHTS).write_text(weights_text(turns, make_services(Path("index")).encoder), encoding="utf-8")


if __name__ == "__main__":
    main()
