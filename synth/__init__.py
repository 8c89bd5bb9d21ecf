"""The simulated brand: a small retailer with members, contacts and a knowledge base, all known.

`make_world` gives every input and gold table as frames, `write_world` writes them with what was
planted. A trait of the world belongs in the module of its concept; its words belong in `brand/`.
Nothing here analyses: that is `cxm`.
"""

from synth.worlds import make_world, write_world

__all__ = ["make_world", "write_world"]
