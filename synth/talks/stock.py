"""The phrase stock: what people of any brand say, by bank.

The words themselves are in `stock/*.toml`; a bank is a list of phrases, or a table of such lists by
variant. A pack's `phrases` take the place of banks of the same name. Words about one brand's products
and matters are not stock but belong in its pack.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from cxm.errors import CxmError
from synth.packs import STOCK, Pack, Phrases
from synth.phrases import Template


def banks(pack: Pack) -> Mapping[str, Phrases]:
    """All banks by name, `bank` or `bank.variant` (a channel, kind of channel or persona)."""
    return {**read_stock(), **pack.phrases} if pack.phrases else read_stock()


@cache
def read_stock() -> Mapping[str, Phrases]:
    """The stock, parsed once; `CxmError` where a phrase is malformed."""
    stock: dict[str, Phrases] = {}
    for path in sorted(STOCK.glob("*.toml")):
        try:
            for bank, variants in tomllib.loads(path.read_text(encoding="utf-8")).items():
                named = variants if isinstance(variants, dict) else {"any": variants}
                for variant, phrases in named.items():
                    name = bank if variant == "any" else f"{bank}.{variant}"
                    if name in stock:
                        raise ValueError(f"bank {name} stands in the stock twice")
                    stock[name] = tuple(Template(text) for text in phrases)
        except ValueError as error:
            raise CxmError(f"phrase stock {path}: {error}; see docs/brands.md") from error
    return stock
