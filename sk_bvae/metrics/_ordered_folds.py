"""Recognising folds that were cut from an ordered grid without shuffling."""

import warnings

import numpy as np

MIN_ROWS = 10  # fewer can be in order by chance
CONSECUTIVE = 0.9  # share of the steps; shuffled halves of a grid have 0.5
MARGIN = 0.01  # share of the grid that may lack at either end


def _warn_of_ordered_folds(Y):
    """Warn if rows are a stretch of an ordered grid that lacks values of factors."""
    columns = _find_cut_factors(Y)
    if len(columns):
        named = ", ".join(str(column) for column in columns)
        warnings.warn(
            "The rows to be scored look like an unshuffled fold of an ordered grid: "
            "almost every row is the combination of factors that follows the one "
            f"before, and the factors in columns {named} of Y show a part of their "
            "values only. Shuffle the folds, for example with cv=KFold(5, "
            "shuffle=True, random_state=0).",
            UserWarning,
            stacklevel=4,
        )


def _find_cut_factors(Y):
    """List the columns whose values a stretch of an ordered grid shows in part only.

    Rows are held to be a stretch of a grid if, read as digits of a number with the
    slowest factor first, they never fall and almost always rise by one or stay. That
    alone is no harm: it is also true of a whole grid. But a stretch that starts after
    the first combination or ends before the last lacks values of the factors that
    never start over; and one that is a whole grid by itself lacks values of a factor
    that is constant or whose classes start above 1.
    """
    if len(Y) < MIN_ROWS or (np.floor(Y) != Y).any():
        return np.array([], dtype=int)
    digits = Y - Y.min(axis=0)
    sizes = digits.max(axis=0) + 1
    slowest_first = np.argsort(
        (np.diff(digits, axis=0) != 0).sum(axis=0), kind="stable"
    )
    place = _place_in_grid(digits[:, slowest_first], sizes[slowest_first])
    if not _is_stretch(place):
        return np.array([], dtype=int)
    margin = max(1, MARGIN * sizes.prod(dtype=float))
    whole = place[0] <= margin and place[-1] >= sizes.prod(dtype=float) - 1 - margin
    if whole:
        return np.flatnonzero((sizes == 1) | (Y.min(axis=0) > 1))
    return np.flatnonzero((np.diff(digits, axis=0) >= 0).all(axis=0))


def _place_in_grid(digits, sizes):
    # Floats hold grids beyond 2^63 combinations, if not every single step in them.
    strides = np.append(np.cumprod(sizes[:0:-1], dtype=float)[::-1], 1)
    return digits @ strides


def _is_stretch(place):
    steps = np.diff(place)
    return steps.min() >= 0 and np.mean(steps <= 1) >= CONSECUTIVE
