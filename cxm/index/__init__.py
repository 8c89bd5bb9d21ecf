"""The search index over articles: a store on disk, opened by memory map, asked for candidates.

`filters` says which articles a search is about, `lexical` finds words (BM25 by tantivy), `dense`
vectors, `versions` keeps what is built and swaps it in, `build` makes a version, `search` asks one.
How articles are cut is in `cxm.methods.passages`, how signals become a ranking in
`cxm.methods.retrieval` and `cxm.methods.ranker`.
"""

from cxm.index.build import open_index
from cxm.index.filters import Filter
from cxm.index.search import HITS, Index, Signals

__all__ = ["HITS", "Filter", "Index", "Signals", "open_index"]
