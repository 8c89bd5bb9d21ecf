"""The simulated brand: customers, contacts, conversations and a knowledge base, all of it known.

`write_world` writes every input and gold table with what was planted, `make_world` gives them in
memory. Why things happen is in `lives`, what is said in `talks`, what the brand knows in
`knowledge`; its words are data in `brands/` and `stock/`. Nothing here analyses: that is `cxm`.
"""

from synth.disk import is_written, write_world
from synth.knobs import PRESETS, Knobs
from synth.worlds import World, make_world

__all__ = ["PRESETS", "Knobs", "World", "is_written", "make_world", "write_world"]
