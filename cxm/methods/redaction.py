"""Personal data masked: each place becomes its kind and a pseudonym, the same for the same data.

Texts in, texts out; what to look for is in `redaction_patterns` (forms) and `redaction_names`. How
much still leaks is measured by `leak_rates` against places that are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from cxm.methods.redaction_names import KnownNames, find_names, find_towns, learn_names, names_here
from cxm.methods.redaction_patterns import Span, find_by_form, plain_digits

_MOST_LETTERS = 20_000
_PERSONS = ("name",)
_NUMBERS = ("card", "iban", "phone", "order", "account", "postcode")


@dataclass(frozen=True)
class Redactor:
    """Masks texts. `key` makes the pseudonyms: who does not have it cannot try names out."""

    known: KnownNames
    key: bytes

    @classmethod
    def learn(cls, turns: pl.LazyFrame, customers: pl.LazyFrame | None, key: bytes) -> Redactor:
        """A redactor that knows the names in these tables (see `learn_names`)."""
        return cls(learn_names(turns, customers), key)

    def find(self, text: str) -> list[Span]:
        """Places of personal data in a text that stands alone, in order, not overlapping."""
        return self.find_all([text])[0]

    def find_all(self, texts: Sequence[str]) -> list[list[Span]]:
        """Places in each text of one conversation; a name told in one is found in all."""
        here = names_here(texts, self.known)
        return [self._find(text, here) for text in texts]

    def _find(self, text: str, here: frozenset[str]) -> list[Span]:
        forms = find_by_form(text)
        towns = find_towns(text, self.known, [span for span in forms if span.kind == "address"])
        return _apart([*forms, *towns, *find_names(text, self.known, here)])

    def mask(self, text: str) -> str:
        """The text with every place replaced, as in `[name 3f2a]`."""
        return self.mask_all([text])[0]

    def mask_all(self, texts: Sequence[str]) -> list[str]:
        """The texts of one conversation, masked. Of a text longer than 20,000 characters the rest is cut."""
        texts = [text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + " …" for text in texts]
        return [self._replace(text, spans) for text, spans in zip(texts, self.find_all(texts), strict=True)]

    def _replace(self, text: str, spans: list[Span]) -> str:
        pieces, at = [], 0
        for span in spans:
            pieces += [text[at : span.start], self.pseudonym(span.kind, text[span.start : span.end])]
            at = span.end
        return "".join([*pieces, text[at:]])

    def pseudonym(self, kind: str, text: str) -> str:
        """`[kind 3f2a]`; a name has four digits for each of its words, however it is written."""
        parts = re.split(r"[\s-]+", text.casefold()) if kind in _PERSONS else [_plain(kind, text)]
        return f"[{kind} {' '.join(self._digest(kind, part) for part in parts)}]"

    def _digest(self, kind: str, text: str) -> str:
        return blake2b(f"{kind}:{text}".encode(), key=self.key[:64], digest_size=2).hexdigest()


def _plain(kind: str, text: str) -> str:
    if kind in _NUMBERS:
        return plain_digits(text)
    spoken = re.sub(r"\s(?:dot)\s", ".", text.casefold())
    return re.sub(r"\s+", " ", re.sub(r"\sat\s", "@", spoken))


def _apart(spans: list[Span]) -> list[Span]:
    """The places in order; of overlapping ones the union, named after the one found first."""
    rank = {id(span): i for i, span in enumerate(spans)}
    merged: list[tuple[Span, int]] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1][0].end:
            last, first = merged[-1]
            kind, first = (last.kind, first) if first <= rank[id(span)] else (span.kind, rank[id(span)])
            merged[-1] = (Span(last.start, max(last.end, span.end), kind), first)
        else:
            merged.append((span, rank[id(span)]))
    return [span for span, _ in merged]


def leak_rates(redactor: Redactor, turns: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """kind, n, n_leaked, leak_share of known places (conversation_id, turn_index, kind, start, end).

    A place leaks if one of its letters or digits is outside of what the redactor finds.
    """
    wanted: dict[tuple[str, int], list[tuple[str, int, int]]] = {}
    for row in places.iter_rows(named=True):
        at = row["conversation_id"], row["turn_index"]
        wanted.setdefault(at, []).append((row["kind"], row["start"], row["end"]))
    rows = []
    ordered = turns.sort("conversation_id", "turn_index")
    for (id_,), talk in ordered.group_by("conversation_id", maintain_order=True):
        texts = talk["text"].to_list()
        for index, text, spans in zip(talk["turn_index"], texts, redactor.find_all(texts), strict=True):
            hidden = {i for span in spans for i in range(span.start, span.end)}
            for kind, start, end in wanted.get((str(id_), index), ()):
                is_open = any(text[i].isalnum() for i in range(start, end) if i not in hidden)
                rows.append((kind, is_open))
    leaks = pl.DataFrame(rows, schema={"kind": pl.String, "is_leaked": pl.Boolean}, orient="row")
    return (
        leaks.group_by("kind")
        .agg(n=pl.len(), n_leaked=pl.col("is_leaked").sum())
        .with_columns(leak_share=pl.col("n_leaked") / pl.col("n"))
        .sort("kind")
    )
