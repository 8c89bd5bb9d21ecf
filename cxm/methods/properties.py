"""Which forms state one property: its wordings, grouped by how a base uses them.

Wordings of one property mean about the same, stand under the same headings, give equal values of one
subject, and never stand in one article together. Groups grow from single forms by what speaks for
them as a whole, so what is known of a rare wording grows with the group. Of two forms alone
`cxm.methods.attributes` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.alignment import find_neighbours
from cxm.methods.facts import NUMBER
from cxm.methods.scopes import Scopes
from cxm.methods.sparse import count_cells, multiply_rows
from cxm.methods.statements import Statements

_N_NEIGHBOURS, _LEAST_COSINE = 14, 0.3
# Log odds that two groups are one property: by cosine above what is usual of two, by subjects with an
# equal and with different values, by meetings that chance would bring, by headings.
_COSINE, _USUAL, _AGREED, _DIFFERENT, _EXPECTED, _HEADINGS = 3.0, 0.66, 2.2, 1.6, 0.5, 1.0
_TOGETHER = 2.0
SAME, _LEAST = 4.0, -8.0
"""`property` of two forms of one group, and the least."""
_MOST_VALUES = 200
_N_FOLDS, _MOST_ROUNDS, _ROWS, _STEPS = 5, 200, 8192, 1e5


@dataclass(frozen=True)
class Groups:
    """`members` `(n_folds, n_forms)`: the group of each form, named by the number of one of them; and the
    `evidence` of each fold's groups. A fold has not seen what its own fifth of the subjects has."""

    members: NDArray[np.intp]
    evidence: tuple[_Evidence, ...]


@dataclass(frozen=True)
class _Evidence:
    """What is known of forms or of groups of them, a row each; all sparse but the unit `vectors`."""

    vectors: NDArray[np.float32]
    articles: Any
    headings: Any
    shares: Any
    agreed: Any
    different: Any

    def of_groups(self, members: NDArray[np.intp]) -> _Evidence:
        """The same of groups, in the rows of their numbers; other rows are 0."""
        n = len(members)
        which = count_cells(members, np.arange(n), np.ones(n), (n, n))
        sums = np.asarray(which.astype(np.float32) @ self.vectors)
        articles = (which @ self.articles).tocsr()
        articles.data[:] = 1
        return _Evidence(
            sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9),
            articles,
            (which @ self.headings).tocsr(),
            (which @ self.shares).tocsr(),
            (which @ self.agreed @ which.T).tocsr(),
            (which @ self.different @ which.T).tocsr(),
        )

    def compare(
        self, one: NDArray[Any], two: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log odds that rows `one[i]` and `two[i]` are one property, and in how many articles both stand."""
        blocks = [self._compare(one[i : i + _ROWS], two[i : i + _ROWS]) for i in range(0, len(one), _ROWS)]
        both = np.concatenate(blocks, axis=1) if blocks else np.zeros((2, 0))
        return both[0], both[1]

    def _compare(self, one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.float64]:
        cosine = np.einsum("ij,ij->i", self.vectors[one], self.vectors[two]).astype(np.float64)
        lengths = np.sqrt(
            multiply_rows(self.headings, self.headings, one, one)
            * multiply_rows(self.headings, self.headings, two, two)
        )
        headings = multiply_rows(self.headings, self.headings, one, two) / np.maximum(lengths, 1e-9)
        odds = (
            _COSINE * (cosine - _USUAL)
            + _AGREED * np.log1p(np.asarray(self.agreed[one, two]).ravel())
            - _DIFFERENT * np.log1p(np.asarray(self.different[one, two]).ravel())
            + _EXPECTED * np.log1p(multiply_rows(self.shares, self.headings, one, two))
            + _HEADINGS * (headings - 0.5)
        )
        odds[cosine < _LEAST_COSINE] = _LEAST
        return np.stack(
            [np.round(odds * _STEPS) / _STEPS, multiply_rows(self.articles, self.articles, one, two)]
        )


def group_forms(statements: Statements, scopes: Scopes, vectors: NDArray[np.float32]) -> Groups:
    """The groups of all forms with `vectors` `(n_forms, d)`; no forms give none."""
    near = find_neighbours(vectors, _N_NEIGHBOURS, _LEAST_COSINE)
    pairs = near["left"].to_numpy(), near["right"].to_numpy()
    articles, headings, shares = _place(statements, scopes)
    values = _compare_values(statements, scopes)
    members, evidence = [], []
    for number in range(_N_FOLDS):
        seen = values.filter(pl.col("subject") % _N_FOLDS != number)
        agreed, different = (
            _both_ways(seen.filter(pl.col("is_equal") == flag), len(scopes.forms)) for flag in (True, False)
        )
        of_forms = _Evidence(vectors, articles, headings, shares, agreed, different)
        members.append(_grow(of_forms, *pairs))
        evidence.append(of_forms.of_groups(members[-1]))
    return Groups(np.stack(members), tuple(evidence))


def compare_properties(groups: Groups | None, rows: pl.DataFrame) -> pl.Series:
    """`property` of `rows` (form_one, form_two, about): log odds that the two forms state one property by
    groups that have not seen the subject, `SAME` in one group; 0 without groups."""
    found = np.zeros(rows.height)
    if groups is not None:
        one, two, about = (rows[name].to_numpy() for name in ("form_one", "form_two", "about"))
        for number, (members, evidence) in enumerate(zip(groups.members, groups.evidence, strict=True)):
            mine = np.flatnonzero(np.maximum(about, 0) % _N_FOLDS == number)
            left, right = members[one[mine]], members[two[mine]]
            odds, together = evidence.compare(left, right)
            odds -= _TOGETHER * np.log1p(together)
            found[mine] = np.where(left == right, SAME, np.clip(odds, _LEAST, SAME))
    return pl.Series("property", found.round(4))


def _grow(forms: _Evidence, one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.intp]:
    """Number of the group of each form, `(n_forms,)`: pairs of groups that are each other's likeliest are
    joined, over and over, while they are likelier one property than two."""
    n = len(forms.vectors)
    members = np.arange(n)
    odds, is_new = np.full(len(one), -np.inf), np.ones(len(one), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        groups = forms.of_groups(members)
        new, together = groups.compare(one[is_new], two[is_new])
        odds[is_new] = np.where(together > 0, -np.inf, new)
        best = np.full(n, -np.inf)
        np.maximum.at(best, one, odds)
        np.maximum.at(best, two, odds)
        likeliest = np.flatnonzero((odds > 0) & (odds == best[one]) & (odds == best[two]))
        if not len(likeliest):
            break
        joined, becomes = np.zeros(n, dtype=bool), np.arange(n)
        for left, right in zip(one[likeliest].tolist(), two[likeliest].tolist(), strict=True):
            if not joined[left] and not joined[right]:
                joined[[left, right]] = True
                becomes[right] = left
        members, one, two = becomes[members], becomes[one], becomes[two]
        is_new = joined[one] | joined[two]
        one, two = np.minimum(one, two), np.maximum(one, two)
        _, first = np.unique(one.astype(np.int64) * n + two, return_index=True)
        first = first[one[first] != two[first]]
        one, two, odds, is_new = one[first], two[first], odds[first], is_new[first]
    return members


def _place(statements: Statements, scopes: Scopes) -> tuple[Any, Any, Any]:
    """In which articles each form stands, how often under which heading, and the same over the heading's
    articles, `(n_forms, …)` each."""
    from scipy.sparse import diags_array

    form = scopes.sentence_form[statements.places["sentence"].to_numpy()]
    pairs = np.unique(np.stack([form, statements.places["article"].to_numpy()]), axis=1)
    n_articles = len(scopes.leaves)
    articles = count_cells(pairs[0], pairs[1], np.ones(pairs.shape[1]), (len(scopes.forms), n_articles))
    n_leaves = int(scopes.leaves.max(initial=-1)) + 1
    leaves = count_cells(np.arange(n_articles), scopes.leaves, np.ones(n_articles), (n_articles, n_leaves))
    headings = (articles @ leaves).tocsr()
    sizes = np.maximum(np.bincount(scopes.leaves, minlength=n_leaves), 1)
    return articles, headings, (headings @ diags_array(1 / sizes)).tocsr()


def _compare_values(statements: Statements, scopes: Scopes) -> pl.DataFrame:
    """`subject`, `form_one`, `form_two` and `is_equal` for any two forms that give a subject numbers of one
    unit: whether one of them is the same. Of a subject with hundreds of numbers of a unit, as a price list
    is, nothing is learned: all with all would be the square of them."""
    places = statements.places.select("article", "sentence").unique(maintain_order=True)
    article, sentence = (places[name].to_numpy() for name in ("article", "sentence"))
    own = scopes.sentence_subject[sentence]
    numbers = statements.terms.filter(pl.col("kind") == NUMBER).select("sentence", "term", "value")
    stated = (
        places.select(
            "sentence",
            form=pl.Series(scopes.sentence_form[sentence]),
            subject=pl.Series(np.where(own >= 0, own, scopes.article_subject[article])),
        )
        .filter(pl.col("subject") >= 0)
        .join(numbers, on="sentence")
        .select("subject", "form", "term", "value")
        .unique()
        .filter(pl.len().over("subject", "term") <= _MOST_VALUES)
        .lazy()
    )
    return (
        stated.rename({"form": "form_one"})
        .join(stated.rename({"form": "form_two", "value": "other"}), on=["subject", "term"])
        .filter(pl.col("form_one") < pl.col("form_two"))
        .group_by("subject", "form_one", "form_two")
        .agg(is_equal=(pl.col("value") == pl.col("other")).any())
        .collect()
    )


def _both_ways(pairs: pl.DataFrame, n: int) -> Any:
    """How many subjects two forms have in `pairs`, `(n, n)`."""
    counts = pairs.group_by("form_one", "form_two").len()
    one, two, number = (counts[name].to_numpy() for name in ("form_one", "form_two", "len"))
    half = count_cells(one, two, number, (n, n))
    return (half + half.T).tocsr()
