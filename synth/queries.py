"""What people type into the search of the knowledge base, and which articles answer it.

Queries come from facts and faults, in other words than the articles use. New wordings belong in
`brand/`.
"""

from __future__ import annotations

from typing import Any

from synth.brands import Brand
from synth.knowledge import Knowledge
from synth.streams import Kind, pick, split_of, stream

N_QUERIES = 80


def write_queries(
    brand: Brand, knowledge: Knowledge, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `queries` and of `qrels`.

    An article that states a fact wrongly is judged 0, one whose topic it is 2, any other that states
    it 1.
    """
    asked = [(fact.key, fact.asked[-1]) for fact in brand.facts.values()]
    faults = [
        (product.issue.key, f"{product.thing} {product.issue.symptoms[-1]}") for product in brand.products
    ]
    faults += [(issue.key, issue.symptoms[-1]) for issue in brand.issues]
    rng = stream(seed, Kind.QUERY)
    chosen = [(asked + faults)[int(i)] for i in rng.permutation(len(asked) + len(faults))[:N_QUERIES]]
    queries, qrels = [], []
    for number, (key, text) in enumerate(chosen, 1):
        own = stream(seed, Kind.QUERY, number)
        query_id, split = f"Q-{number:03d}", split_of(own)
        written = pick(own, (text, text.rstrip("?").lower(), text))
        queries.append({"query_id": query_id, "text": written})
        judged = dict.fromkeys(knowledge.stated[key], 1) | {knowledge.stated[key][0]: 2}
        if key in knowledge.misstated:
            judged[knowledge.misstated[key]] = 0
        qrels += [
            {"query_id": query_id, "article_id": article, "relevance": relevance, "split": split}
            for article, relevance in judged.items()
        ]
    return queries, qrels
