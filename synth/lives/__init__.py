"""The lives of customers in numbers: buying, contacting us, leaving; whole blocks at a time, no words.

`blocks` is where a life comes together; `contacts` turns its contacts into values for `talks`.
"""

from synth.lives.blocks import CustomerBlock, simulate_customers, simulate_strangers
from synth.lives.truth import truth_of_lives

__all__ = ["CustomerBlock", "simulate_customers", "simulate_strangers", "truth_of_lives"]
