"""Segments of customers as components of a Gaussian mixture on the logs of a few numbers.

The mixture is kept as plain arrays and assigns new customers without being fitted again. The numbers
come from `rfm`, other ways to group customers from `clusterings`, what is fitted on from `segment_choice`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxm.methods.clusterings import refit_agreement, sample_rows
from cxm.methods.rfm import add_rhythm, add_scores, usual_gap
from cxm.methods.segment_names import Centre, name_segments

Floats = NDArray[np.float64]

# The classical three, and what was spent lately: all that was ever spent says little of who still buys.
NUMBERS = ("recency_days", "frequency", "monetary", "recent_monetary")
# How somebody buys, whenever they joined, and whether they have stopped by their own measure.
RHYTHM = ("mean_gap_days", "usual_amount", "overdue_share")
SHAPES = ("diag", "tied", "full")
# Agreement of refits on resamples: "highly stable" (Hennig 2007).
STABLE = 0.85
_N_CHECKS_EACH = 5
_N_STARTS_TO_CHECK = 3
_MAX_ROWS = 20_000
_MAX_ROWS_TO_START = 5_000
_CLIP = 4.0
# Added to each variance, in units of the column's own. Counts are whole numbers: without it a component
# shrinks onto "bought once", and BIC then prizes spikes over groups.
_MIN_VARIANCE = 0.1


@dataclass(frozen=True)
class Settings:
    """How many segments are looked for: from `smallest` to `largest`, each of `min_share` of customers.

    Up to `n_batches` times five refits say whether resamples find them again.
    """

    smallest: int = 3
    largest: int = 10
    min_share: float = 0.01
    n_starts: int = 10
    seed: int = 7
    n_batches: int = 4


@dataclass(frozen=True)
class Scaling:
    """What turns the numbers into comparable ones; `center` and `scale` as long as `numbers`.

    `usual_gap_days`: of the customers it was planned on; gaps of others are told with it.
    """

    center: Floats
    scale: Floats
    numbers: tuple[str, ...] = NUMBERS
    usual_gap_days: float = 30.0


def _logs(table: pl.DataFrame, numbers: tuple[str, ...], usual_gap_days: float = 30.0) -> Floats:
    """Signed logs `(n, n_numbers)`: days and counts are skewed, money also negative after refunds."""
    table = add_rhythm(table, usual_gap_days) if set(numbers) & set(RHYTHM) else table
    raw = table.select(numbers).cast(pl.Float64).to_numpy()
    return np.asarray(np.sign(raw) * np.log1p(np.abs(raw)))


def plan_scaling(table: pl.DataFrame, numbers: tuple[str, ...] = NUMBERS) -> Scaling:
    """Median and standard deviation of the logs; a constant column keeps its unit."""
    gap = usual_gap(table) if set(numbers) & set(RHYTHM) else 30.0
    logs = _logs(table, numbers, gap)
    if not len(logs):
        return Scaling(np.zeros(len(numbers)), np.ones(len(numbers)), numbers)
    spread = logs.std(axis=0)
    return Scaling(np.median(logs, axis=0), np.where(spread > 1e-9, spread, 1.0), numbers, gap)


def scale(table: pl.DataFrame, scaling: Scaling) -> Floats:
    """The scaled logs `(n_customers, n_numbers)`, at most 4 standard deviations from the median."""
    logs = _logs(table, scaling.numbers, scaling.usual_gap_days)
    return np.asarray(np.clip((logs - scaling.center) / scaling.scale, -_CLIP, _CLIP))


@dataclass(frozen=True)
class Components:
    """Gaussian components: `weights` `(k,)`, `means` `(k, d)`, `covariances` `(k, d, d)`."""

    weights: Floats
    means: Floats
    covariances: Floats

    def __len__(self) -> int:
        return len(self.weights)

    def distances(self, points: Floats) -> Floats:
        """Squared Mahalanobis distance of each point to each component, `(n, k)`."""
        roots = np.linalg.inv(np.linalg.cholesky(self.covariances))
        parts = [((points - mean) @ root.T) ** 2 for mean, root in zip(self.means, roots, strict=True)]
        return np.stack([part.sum(axis=1) for part in parts], axis=1)

    def log_densities(self, points: Floats) -> Floats:
        """Log density of each point with each component, its weight included, `(n, k)`."""
        spread = np.linalg.slogdet(2 * np.pi * self.covariances)[1]
        return np.asarray(np.log(self.weights) - 0.5 * (spread + self.distances(points)))

    def membership(self, points: Floats) -> Floats:
        """Probability of each component for each point, `(n, k)`."""
        logs = self.log_densities(points)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def assign(self, points: Floats) -> NDArray[np.intp]:
        """The most probable component of each point, `(n,)`."""
        return self.log_densities(points).argmax(axis=1) if len(points) else np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Mixture:
    """Named components in the order of their spend, dearest first."""

    names: list[str]
    components: Components
    scaling: Scaling
    shape: str = "diag"

    def membership(self, table: pl.DataFrame) -> Floats:
        """Probability of each segment for each customer, `(n_customers, k)`."""
        return self.components.membership(scale(table, self.scaling))

    def assign(self, table: pl.DataFrame) -> list[str]:
        """The most probable segment of each customer."""
        return [self.names[k] for k in self.components.assign(scale(table, self.scaling))]

    def distances(self, table: pl.DataFrame) -> Floats:
        """How far each customer is from the centre of the segment they are in, `(n_customers,)`."""
        points = scale(table, self.scaling)
        own = self.components.assign(points)
        return np.sqrt(self.components.distances(points)[np.arange(len(points)), own])


# ------------------------------------------------------------------ fitting


@dataclass(frozen=True)
class Candidate:
    """A fitted number of components: its BIC, ICL, and the smallest share of customers assigned to one.

    The ICL (Biernacki, Celeux & Govaert 2000) is the BIC plus a penalty for customers who could as well
    belong to another component.
    """

    bic: float
    icl: float
    smallest_share: float
    components: Components

    def __len__(self) -> int:
        return len(self.components)


def fit_components(sample: Floats, k: int, shape: str, n_starts: int, seed: int) -> tuple[Components, float]:
    """A mixture started from the best of `n_starts` k-means, and its BIC on the sample."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    if k == 1:
        return _split_by_spread(sample, 1)
    # Small matrices many times over: threads of the linear algebra would only wait for each other.
    with threadpool_limits(1), warnings.catch_warnings():
        # Equal customers, or slow steps near a boundary, harm nothing: shares and BIC judge the outcome.
        warnings.simplefilter("ignore", ConvergenceWarning)
        few = sample[sample_rows(len(sample), _MAX_ROWS_TO_START, seed)]
        start = KMeans(k, n_init=n_starts, random_state=seed).fit(few)
        sizes = np.maximum(np.bincount(start.labels_, minlength=k), 1e-9)
        model = GaussianMixture(
            k,
            covariance_type=shape,
            reg_covar=_MIN_VARIANCE,
            weights_init=sizes / sizes.sum(),
            means_init=start.cluster_centers_,
            precisions_init=_first_precisions(few, start.labels_, k, shape),
            max_iter=300,
            random_state=seed,
        ).fit(sample)
    weights = np.maximum(model.weights_, 1e-12)
    covariances = _square(model.covariances_, shape, k)
    return Components(weights, model.means_, covariances), float(model.bic(sample))


def _square(covariances: Floats, shape: str, k: int) -> Floats:
    """Covariances `(k, d, d)` from the form a `shape` keeps them in."""
    if shape == "diag":
        return np.asarray(covariances[:, :, None] * np.eye(covariances.shape[1]))
    return np.tile(covariances, (k, 1, 1)) if shape == "tied" else covariances


def _first_precisions(sample: Floats, labels: NDArray[Any], k: int, shape: str) -> Floats:
    """Inverse covariances of the groups of k-means, in the form of `shape`."""
    d = sample.shape[1]
    least = _MIN_VARIANCE * np.eye(d)
    groups = [sample[labels == j] for j in range(k)]
    spreads = np.array(
        [np.cov(g, rowvar=False, ddof=0).reshape(d, d) if len(g) else np.eye(d) for g in groups]
    )
    if shape == "full":
        return np.asarray(np.linalg.inv(spreads + least), dtype=np.float64)
    if shape == "tied":
        shares = np.array([len(g) for g in groups]) / len(sample)
        return np.asarray(np.linalg.inv(np.tensordot(shares, spreads, 1) + least), dtype=np.float64)
    return np.asarray(1 / (np.diagonal(spreads, axis1=1, axis2=2) + _MIN_VARIANCE))


def _split_by_spread(sample: Floats, k: int) -> tuple[Components, float]:
    """Equal parts along the direction of most spread, each a component with the common variance."""
    centred = sample - sample.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    parts = np.array_split(np.argsort(centred @ direction, kind="stable"), k)
    means = np.array([sample[part].mean(axis=0) for part in parts])
    variance = np.mean([sample[part].var(axis=0) for part in parts], axis=0) + _MIN_VARIANCE
    components = Components(np.full(k, 1 / k), means, np.tile(np.diag(variance), (k, 1, 1)))
    likelihood = np.logaddexp.reduce(components.log_densities(sample), axis=1).sum()
    n_parameters = k * (2 * sample.shape[1] + 1) - 1
    return components, float(n_parameters * np.log(len(sample)) - 2 * likelihood)


def fit_candidates(points: Floats, settings: Settings, shape: str = "diag") -> list[Candidate]:
    """Mixtures of `smallest` to `largest` components that assign at least `min_share` to each, fewest first.

    Where no fit does, customers are split into `smallest` equal parts along their greatest spread. Fewer
    come back only where customers do not differ enough for more (two customers, or nearly all of them
    equal); always at least one candidate. At most 20,000 customers are fitted on, shares are of all.
    """
    n_distinct = len(np.unique(np.round(points, 9), axis=0))
    floor = max(settings.min_share, 1 / len(points))
    sample = points[sample_rows(len(points), _MAX_ROWS, settings.seed)]
    most = min(settings.largest, n_distinct, len(sample))
    least = min(settings.smallest, most)

    def judged(components: Components, bic: float) -> Candidate:
        counts = np.bincount(components.assign(points), minlength=len(components))
        sure = float(np.log(components.membership(sample).max(axis=1)).sum())
        return Candidate(bic, bic - 2 * sure, counts.min() / len(points), components)

    def fitted(k: int) -> Candidate:
        return judged(*fit_components(sample, k, shape, settings.n_starts, settings.seed))

    found = [fitted(k) for k in range(least, most + 1)]
    if admissible := [candidate for candidate in found if candidate.smallest_share >= floor]:
        return admissible
    for k in range(least, 1, -1):
        for candidate in (judged(*_split_by_spread(sample, k)), fitted(k - 1)):
            if candidate.smallest_share >= floor:
                return [candidate]
    raise AssertionError("a single component holds every customer")


def choose(
    candidates: list[Candidate], agreement: Callable[[Candidate, int], list[float]], n_batches: int = 4
) -> Candidate:
    """The lowest ICL among candidates whose refits surely agree to .85; else the one they agree on most.

    `agreement` gives the adjusted Rand indices of a numbered batch of refits: two standard errors below
    their mean count, and no further batch is asked for where two above do not reach. The BIC alone takes
    ever more components that overlap, and one week's are not the next one's.
    """
    agreed: list[tuple[float, Candidate]] = []
    for candidate in sorted(candidates, key=lambda c: (c.icl, len(c))):
        found: list[float] = []
        low = high = STABLE
        for batch in range(n_batches):
            found += agreement(candidate, batch)
            mean, error = float(np.mean(found)), float(np.std(found) / np.sqrt(len(found)))
            low, high = mean - 2 * error, mean + 2 * error
            if high < STABLE:
                break
        if low >= STABLE:
            return candidate
        agreed.append((low, candidate))
    return max(agreed, key=lambda pair: pair[0])[1]


def fit_mixture(
    table: pl.DataFrame, settings: Settings, numbers: tuple[str, ...] = NUMBERS, shape: str = "diag"
) -> tuple[Mixture, list[Candidate]]:
    """The mixture of the lowest ICL that is stable (`choose`) for a non-empty table, and all candidates."""
    scaling = plan_scaling(table, numbers)
    points = scale(table, scaling)
    candidates = fit_candidates(points, settings, shape)

    def agreement(candidate: Candidate, batch: int) -> list[float]:
        refit = refitted(len(candidate), shape, min(settings.n_starts, _N_STARTS_TO_CHECK))
        labels = candidate.components.assign(points)
        return refit_agreement(points, labels, refit, _N_CHECKS_EACH, settings.seed + batch)

    chosen = candidates[0] if len(candidates) == 1 else choose(candidates, agreement, settings.n_batches)
    return _named(chosen.components, scaling, table, shape), candidates


def refitted(k: int, shape: str, n_starts: int) -> Callable[[Floats, int], NDArray[Any]]:
    """The function that groups points by a new mixture of `k` components, given a seed."""

    def refit(points: Floats, seed: int) -> NDArray[Any]:
        distinct = len(np.unique(points, axis=0))
        return fit_components(points, min(k, distinct), shape, n_starts, seed)[0].assign(points)

    return refit


def _named(components: Components, scaling: Scaling, table: pl.DataFrame, shape: str) -> Mixture:
    points = scale(table, scaling)
    shares = components.membership(points)
    spend = (shares / np.maximum(shares.sum(axis=0), 1e-12)).T @ _logs(table, ("monetary", "frequency"))
    order = np.lexsort((np.round(-spend[:, 1], 9), np.round(-spend[:, 0], 9)))
    ordered = Components(components.weights[order], components.means[order], components.covariances[order])
    segment = ordered.assign(points)
    return Mixture(name_segments(_centres(table, segment, len(ordered))), ordered, scaling, shape)


def _centres(table: pl.DataFrame, segment: NDArray[np.intp], n_segments: int) -> list[Centre]:
    """What marks the customers of each segment."""
    rhythm = add_rhythm(add_scores(table), usual_gap(table)).with_columns(segment=pl.Series(segment))
    mean = pl.col("monetary").mean().clip(lower_bound=0)
    usual = max(float(rhythm.select(mean).item() or 0.0), 1e-9)
    found = rhythm.group_by("segment").agg(
        lapsed_share=(pl.col("overdue_share") > 0).mean(),
        pause=(pl.col("recency_days") / pl.col("mean_gap_days").clip(lower_bound=1)).median(),
        single_share=(pl.col("n_purchase_days") == 1).mean(),
        frequency=pl.col("f_score").mean(),
        spend_ratio=mean.round(6) / usual,
    )
    by_segment = {row.pop("segment"): Centre(**row) for row in found.to_dicts()}
    return [by_segment.get(k, Centre(0.0, 0.0, 0.0, 1.0, 0.0)) for k in range(n_segments)]


# ------------------------------------------------------------------ keeping


def to_arrays(mixture: Mixture) -> dict[str, Any]:
    """The mixture's numbers as arrays; names, numbers and shape are kept beside them."""
    return {
        "weights": mixture.components.weights,
        "means": mixture.components.means,
        "covariances": mixture.components.covariances,
        "center": mixture.scaling.center,
        "scale": mixture.scaling.scale,
        "usual_gap_days": np.array([mixture.scaling.usual_gap_days]),
    }


def from_arrays(
    names: list[str], arrays: dict[str, Any], numbers: tuple[str, ...] = NUMBERS, shape: str = "diag"
) -> Mixture:
    """The mixture back from `to_arrays` and what was kept beside it."""
    components = Components(arrays["weights"], arrays["means"], arrays["covariances"])
    gap = float(arrays["usual_gap_days"][0])
    return Mixture(names, components, Scaling(arrays["center"], arrays["scale"], numbers, gap), shape)
