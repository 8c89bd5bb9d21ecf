"""Segments of customers as components of a Gaussian mixture on the logs of four numbers (`NUMBERS`).

The mixture is kept as plain arrays and assigns new customers without being fitted again. The numbers
themselves, and the classical cells, come from `rfm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.rfm import add_scores, cell_name

Floats = NDArray[np.float64]

# The classical three, and what was spent lately: all that was ever spent says little of who still buys.
NUMBERS = ("recency_days", "frequency", "monetary", "recent_monetary")
# How somebody buys, whenever they joined: how often and for how much at a time.
RHYTHM = ("mean_gap_days", "usual_amount", "recency_days")
_MAX_ROWS = 20_000
_CLIP = 4.0
_EVIDENCE = 10.0
# Added to each variance, in units of the column's own. Counts are whole numbers: without it a component
# shrinks onto "bought once", and BIC then prizes spikes over groups.
_MIN_VARIANCE = 0.1
_SPEND_WORDS = {2: ("higher-spend", "lower-spend"), 3: ("high-spend", "mid-spend", "low-spend")}


@dataclass(frozen=True)
class Scaling:
    """What turns the numbers into comparable ones; `center` and `scale` as long as `numbers`."""

    center: Floats
    scale: Floats
    numbers: tuple[str, ...] = NUMBERS


def _logs(table: pl.DataFrame, numbers: tuple[str, ...]) -> Floats:
    """Signed logs `(n, n_numbers)`: days and counts are skewed, money also negative after refunds."""
    raw = table.select(numbers).cast(pl.Float64).to_numpy()
    return np.asarray(np.sign(raw) * np.log1p(np.abs(raw)))


def plan_scaling(table: pl.DataFrame, numbers: tuple[str, ...] = NUMBERS) -> Scaling:
    """Median and standard deviation of the logs; a constant column keeps its unit."""
    logs = _logs(table, numbers)
    if not len(logs):
        return Scaling(np.zeros(len(numbers)), np.ones(len(numbers)), numbers)
    spread = logs.std(axis=0)
    return Scaling(np.median(logs, axis=0), np.where(spread > 1e-9, spread, 1.0), numbers)


def scale(table: pl.DataFrame, scaling: Scaling) -> Floats:
    """The scaled logs `(n_customers, 4)`, at most 4 standard deviations from the median."""
    return np.asarray(
        np.clip((_logs(table, scaling.numbers) - scaling.center) / scaling.scale, -_CLIP, _CLIP)
    )


@dataclass(frozen=True)
class Mixture:
    """Components in the order of their spend, dearest first; `means`, `variances` are `(k, n_numbers)`."""

    names: list[str]
    weights: Floats
    means: Floats
    variances: Floats
    scaling: Scaling

    def membership(self, table: pl.DataFrame) -> Floats:
        """Probability of each segment for each customer, `(n_customers, k)`."""
        return _responsibilities(scale(table, self.scaling), self.weights, self.means, self.variances)

    def assign(self, table: pl.DataFrame) -> list[str]:
        """The most probable segment of each customer."""
        return [self.names[k] for k in self.membership(table).argmax(axis=1)] if table.height else []


def _responsibilities(points: Floats, weights: Floats, means: Floats, variances: Floats) -> Floats:
    distance = ((points[:, None, :] - means) ** 2 / variances).sum(axis=2)
    logs = np.log(weights) - 0.5 * (np.log(variances).sum(axis=1) + distance)
    logs -= logs.max(axis=1, keepdims=True)
    shares = np.exp(logs)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


# ------------------------------------------------------------------ fitting


@dataclass(frozen=True)
class Candidate:
    """A fitted number of components: BIC, ICL, and the smallest share of customers assigned to one.

    The ICL is the BIC plus a penalty for customers who could as well belong to another component.
    """

    bic: float
    icl: float
    smallest_share: float
    weights: Floats
    means: Floats
    variances: Floats

    def __len__(self) -> int:
        return len(self.weights)


def _fit(sample: Floats, points: Floats, k: int, n_starts: int, seed: int) -> Candidate:
    """A mixture from the best of `n_starts` k-means, which resamples find again more often than chance."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    if k == 1:
        return _split_by_spread(sample, points, 1)
    # Small matrices many times over: threads of the linear algebra would only wait for each other.
    with threadpool_limits(1), warnings.catch_warnings():
        # Equal customers, or slow steps near a boundary, harm nothing: shares and BIC judge the outcome.
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = KMeans(k, n_init=n_starts, random_state=seed).fit(sample)
        groups = [sample[start.labels_ == j] for j in range(k)]
        spread = np.array([g.var(axis=0) if len(g) else np.ones(g.shape[1]) for g in groups]) + _MIN_VARIANCE
        sizes = np.array([max(len(g), 1e-9) for g in groups])
        model = GaussianMixture(
            k,
            covariance_type="diag",
            reg_covar=_MIN_VARIANCE,
            weights_init=sizes / sizes.sum(),
            means_init=start.cluster_centers_,
            precisions_init=1 / spread,
            max_iter=300,
            random_state=seed,
        ).fit(sample)
    weights = np.maximum(model.weights_, 1e-12)
    return _judged(float(model.bic(sample)), sample, points, weights, model.means_, model.covariances_)


def _judged(
    bic: float, sample: Floats, points: Floats, weights: Floats, means: Floats, variances: Floats
) -> Candidate:
    assigned = _responsibilities(points, weights, means, variances).argmax(axis=1)
    counts = np.bincount(assigned, minlength=len(weights))
    sure = np.log(_responsibilities(sample, weights, means, variances).max(axis=1)).sum()
    return Candidate(bic, bic - 2 * float(sure), counts.min() / len(points), weights, means, variances)


def fit_candidates(
    points: Floats, smallest: int, largest: int, min_share: float, n_starts: int, seed: int
) -> list[Candidate]:
    """Mixtures of `smallest` to `largest` components that assign at least `min_share` to each, fewest first.

    Where no fit does, customers are split into `smallest` equal parts along their greatest spread. Fewer
    come back only where customers do not differ enough for more (two customers, or nearly all of them
    equal); always at least one candidate. At most 20,000 customers are fitted on, shares are of all.
    """
    n_distinct = len(np.unique(np.round(points, 9), axis=0))
    floor = max(min_share, 1 / len(points))
    rows = np.sort(np.random.default_rng(seed).permutation(len(points))[:_MAX_ROWS])
    sample = points[rows]
    most = min(largest, n_distinct, len(sample))
    least = min(smallest, most)
    found = [_fit(sample, points, k, n_starts, seed) for k in range(least, most + 1)]
    if admissible := [candidate for candidate in found if candidate.smallest_share >= floor]:
        return admissible
    for k in range(least, 1, -1):
        for candidate in (_split_by_spread(sample, points, k), _fit(sample, points, k - 1, n_starts, seed)):
            if candidate.smallest_share >= floor:
                return [candidate]
    raise AssertionError("a single component holds every customer")


def choose(candidates: list[Candidate]) -> Candidate:
    """The fewest components with an ICL within 10 of the lowest: less proves little (Kass & Raftery 1995).

    By the ICL (Biernacki, Celeux & Govaert 2000): the BIC takes more components that overlap, and resamples
    do not find those again.
    """
    lowest = min(candidate.icl for candidate in candidates)
    return next(c for c in candidates if c.icl <= lowest + _EVIDENCE)


def _split_by_spread(sample: Floats, points: Floats, k: int) -> Candidate:
    """Equal parts along the direction of most spread, each a component with the common variance."""
    centred = sample - sample.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    parts = np.array_split(np.argsort(centred @ direction, kind="stable"), k)
    means = np.array([sample[part].mean(axis=0) for part in parts])
    variance = np.mean([sample[part].var(axis=0) for part in parts], axis=0) + _MIN_VARIANCE
    weights, variances = np.full(k, 1 / k), np.tile(variance, (k, 1))
    distance = ((sample[:, None, :] - means) ** 2 / variances + np.log(2 * np.pi * variances)).sum(axis=2)
    likelihood = np.log((weights * np.exp(-0.5 * distance)).sum(axis=1)).sum()
    n_parameters = k * (2 * points.shape[1] + 1) - 1
    return _judged(
        float(n_parameters * np.log(len(sample)) - 2 * likelihood), sample, points, weights, means, variances
    )


def fit_mixture(
    table: pl.DataFrame,
    smallest: int,
    largest: int,
    min_share: float,
    n_starts: int,
    seed: int,
    numbers: tuple[str, ...] = NUMBERS,
) -> tuple[Mixture, list[Candidate]]:
    """The mixture chosen by ICL (`choose`) for a non-empty RFM table, and all candidates."""
    scaling = plan_scaling(table, numbers)
    candidates = fit_candidates(scale(table, scaling), smallest, largest, min_share, n_starts, seed)
    return _named(choose(candidates), scaling, table), candidates


def _named(candidate: Candidate, scaling: Scaling, table: pl.DataFrame) -> Mixture:
    points = scale(table, scaling)
    shares = _responsibilities(points, candidate.weights, candidate.means, candidate.variances)
    spend = (shares / np.maximum(shares.sum(axis=0), 1e-12)).T @ _logs(table, ("monetary", "frequency"))
    order = np.lexsort((np.round(-spend[:, 1], 9), np.round(-spend[:, 0], 9)))
    weights, means, variances = (a[order] for a in (candidate.weights, candidate.means, candidate.variances))
    segment = _responsibilities(points, weights, means, variances).argmax(axis=1)
    scores = add_scores(table)
    centres = [
        scores.filter(pl.Series(segment == k)).select(pl.col("r_score", "f_score").mean()).row(0)
        for k in range(len(weights))
    ]
    return Mixture(name_segments(centres), weights, means, variances, scaling)


def name_segments(centres: list[tuple[float, float]]) -> list[str]:
    """Unique names of segments, given dearest first as mean (recency score, frequency score).

    The classical cell of the mean scores; segments of the same cell are told apart by their spend.
    """
    cells = [cell_name(r, f) for r, f in centres]
    names = []
    for i, cell in enumerate(cells):
        same, place = cells.count(cell), cells[:i].count(cell)
        if same == 1:
            names.append(cell)
        elif same in _SPEND_WORDS:
            names.append(f"{_SPEND_WORDS[same][place]} {cell}")
        else:
            names.append(f"{cell} (spend rank {place + 1} of {same})")
    return names


# ------------------------------------------------------------------ stability and keeping


def refit_agreement(
    table: pl.DataFrame, mixture: Mixture, n_refits: int, n_starts: int, seed: int
) -> list[float]:
    """Adjusted Rand index of the segments with those of refits on resamples of the customers (Hennig 2007).

    As many components, new starts, on up to 5,000 customers drawn with replacement; both are compared on
    all customers of that sample.
    """
    from cxm.metrics.classification import adjusted_rand_index

    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(table.height)[:5_000])
    points = scale(table, mixture.scaling)[rows]
    first = _responsibilities(points, mixture.weights, mixture.means, mixture.variances).argmax(axis=1)
    found = []
    for i in range(n_refits):
        drawn = points[generator.integers(0, len(points), len(points))]
        k = min(len(mixture.weights), len(np.unique(drawn, axis=0)))
        refit = _fit(drawn, points, k, n_starts, seed + i + 1)
        again = _responsibilities(points, refit.weights, refit.means, refit.variances).argmax(axis=1)
        found.append(adjusted_rand_index(first, again))
    return found


def to_arrays(mixture: Mixture) -> dict[str, Any]:
    """The mixture's numbers as arrays; the names are kept beside them."""
    return {
        "weights": mixture.weights,
        "means": mixture.means,
        "variances": mixture.variances,
        "center": mixture.scaling.center,
        "scale": mixture.scaling.scale,
    }


def from_arrays(names: list[str], arrays: dict[str, Any], numbers: tuple[str, ...] = NUMBERS) -> Mixture:
    """The mixture back from `to_arrays` and its names."""
    scaling = Scaling(arrays["center"], arrays["scale"], numbers)
    return Mixture(names, arrays["weights"], arrays["means"], arrays["variances"], scaling)
