"""Codes of samples that agree in one factor, from given rows or freshly rendered."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch, gen_batches

from sk_bvae.metrics._validation import (
    _check_codes,
    _check_codes_and_factors,
    _encode,
    _keep_defined,
    _warn_undefined,
)


class RendersFactors(Protocol):
    """A data set that renders samples of any factors."""

    @property
    def render(self) -> Callable[[np.ndarray], Any]:
        """Turns classes of shape (n_samples, n_factors) into samples."""

    @property
    def factor_sizes(self) -> Sequence[int] | np.ndarray:
        """The number of classes of each factor."""


CodesOrTransform: TypeAlias = ArrayLike | Callable[[np.ndarray], ArrayLike]
FactorsOrData: TypeAlias = ArrayLike | Bunch | RendersFactors

# What is held at a time: codes (numbers) of given rows, or images to transform.
NUMBERS_AT_ONCE = 2**22
IMAGES_AT_ONCE = 4096


def _make_samplers(Z, Y, rng):
    """Make the samplers for training points, for test points, and for any point.

    Rows that train are never among those that test: a classifier would otherwise be
    paid for learning by heart how the few rows of a value differ by chance. Fresh
    samples need no such care.
    """
    if callable(Z):
        sampler = _RenderSampler(Z, Y)
        return sampler, sampler, sampler
    Z, Y = _check_codes_and_factors(Z, Y)
    train, test = train_test_split(np.arange(len(Z)), test_size=0.5, random_state=rng)
    halves = _RowSampler(Z[train], Y[train]), _RowSampler(Z[test], Y[test])
    return *halves, _RowSampler(Z, Y)


def _usable_factors(samplers, columns, metric):
    """List the columns among those asked for that every sampler can hold fixed."""
    defined = np.array([all(s.can_fix(k) for s in samplers) for k in columns])
    why = "hold a single value, or too few samples that share one"
    return np.asarray(columns)[_keep_defined(defined, metric, why, columns)]


def _nothing_to_tell_apart(metric):
    """Return NaN, and say why."""
    _warn_undefined(
        f"{metric}: there are fewer than two factors to tell apart, so the score is "
        "NaN."
    )
    return np.nan


def _batches_of_groups(sampler, n_groups, samples_per_group):
    """Slice groups into batches that a sampler can hold at a time."""
    return gen_batches(n_groups, max(1, sampler.samples_at_once // samples_per_group))


class _RowSampler:
    """Draws among given rows.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_codes)
        The codes.

    Y : ndarray of int, shape (n_samples, n_factors)
        The classes of the factors.
    """

    def __init__(self, Z, Y):
        self.Z, self.Y = Z, Y
        self.factors = [_Peers(y) for y in Y.T]
        self.n_factors = len(self.factors)
        self.samples_at_once = max(1, NUMBERS_AT_ONCE // Z.shape[1])

    def can_fix(self, factor):
        """Tell whether two values or more occur, and one of them twice."""
        return (
            self.factors[factor].n_values > 1 and len(self.factors[factor].shared) > 0
        )

    def draw_any(self, n_samples, rng):
        """Return the codes and factors of all rows, however many are asked for."""
        return self.Z, self.Y

    def draw_sharing(self, fixed, size, rng):
        """Draw groups that agree in a factor, shape (n_groups, size, n_codes).

        Group i agrees in factor ``fixed[i]``. Its first row is any that shares its
        value with another, and the rest are drawn from those others: a row paired
        with itself would differ by 0, the more often the fewer rows a value has,
        which would give the factor away.
        """
        rows = np.empty((len(fixed), size), dtype=np.intp)
        for factor in np.unique(fixed):
            group = fixed == factor
            rows[group] = self.factors[factor].draw(group.sum(), size, rng)
        return self.Z[rows]


class _Peers:
    """Which rows share their value of one factor."""

    def __init__(self, y):
        classes, self.n_values = _encode(y)
        self.order = np.argsort(classes, kind="stable")
        counts = np.bincount(classes)
        starts = np.cumsum(counts) - counts
        # By place in the order: where a row's value starts, and how many have it.
        self.start, self.count = np.repeat([starts, counts], counts, axis=1)
        self.shared = np.flatnonzero(self.count > 1)

    def draw(self, n_groups, size, rng):
        """Draw rows, shape (n_groups, size); the first is none of the others."""
        first = self.shared[rng.randint(len(self.shared), size=(n_groups, 1))]
        start, count = self.start[first], self.count[first]
        shift = 1 + (rng.random_sample((n_groups, size - 1)) * (count - 1)).astype(int)
        others = start + (first - start + shift) % count
        return self.order[np.hstack([first, others])]


class _RenderSampler:
    """Renders samples with the factors that are asked for.

    Parameters
    ----------
    transform : callable
        Takes the samples, flattened to one row each, and gives their codes.

    data : object
        Has ``factor_sizes``, the number of values of each factor, and ``render``,
        which takes classes of shape (n_samples, n_factors).
    """

    samples_at_once = IMAGES_AT_ONCE

    def __init__(self, transform, data):
        if not callable(getattr(data, "render", None)) or not hasattr(
            data, "factor_sizes"
        ):
            raise TypeError(
                "With a callable as Z, Y must be a data set to draw from: an object "
                "with a method render(factors) and with factor_sizes, the number of "
                f"values of each factor. Got {type(data).__name__}."
            )
        self.transform, self.render = transform, data.render
        self.sizes = np.asarray(data.factor_sizes, dtype=np.int64)
        self.n_factors = len(self.sizes)

    def can_fix(self, factor):
        """Tell whether the factor has values to choose from."""
        return self.sizes[factor] > 1

    def draw_any(self, n_samples, rng):
        """Draw independent samples and return their codes and factors."""
        factors = self._draw_factors(n_samples, rng)
        return self._codes(factors), factors

    def draw_sharing(self, fixed, size, rng):
        """Draw groups that agree in a factor, shape (n_groups, size, n_codes)."""
        factors = self._draw_factors(len(fixed) * size, rng)
        factors = factors.reshape(len(fixed), size, self.n_factors)
        groups = np.arange(len(fixed))
        factors[groups, :, fixed] = factors[groups, :1, fixed]
        codes = self._codes(factors.reshape(-1, self.n_factors))
        return codes.reshape(len(fixed), size, -1)

    def _draw_factors(self, n_samples, rng):
        return rng.randint(self.sizes, size=(n_samples, self.n_factors))

    def _codes(self, factors):
        batches = gen_batches(len(factors), self.samples_at_once)
        codes = [self.transform(self._render_rows(factors[batch])) for batch in batches]
        return _check_codes(np.concatenate(codes))

    def _render_rows(self, factors):
        """Flatten images to rows, which is what transformers were fitted to."""
        samples = np.asarray(self.render(factors))
        return samples.reshape(len(samples), -1)
