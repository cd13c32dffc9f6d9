"""Factor classes: the whole grid, independent draws, a subset of it, a check."""

import numpy as np


def sample_factors(classes, n_samples, rng):
    """Draw the factors of samples independently and uniformly.

    Parameters
    ----------
    classes : list of ndarray
        For each factor, the classes that may occur.

    n_samples : int or None
        Number of rows. ``None`` lists every combination once, in the order of dSprites:
        the last factor changes fastest.

    rng : RandomState
        The generator.

    Returns
    -------
    ndarray of shape (n_samples, n_factors)
        A class of each factor in every row.
    """
    sizes = [len(kept) for kept in classes]
    if n_samples is None:
        positions = np.indices(sizes).reshape(len(sizes), -1).T
    else:
        positions = rng.randint(sizes, size=(n_samples, len(sizes)))
    columns = zip(classes, positions.T, strict=True)
    return np.column_stack([kept[position] for kept, position in columns])


def keep_classes(size, coverage, subset, rng):
    """Keep a share of one factor's classes.

    Parameters
    ----------
    size : int
        Number of classes.

    coverage : float
        The share to keep.

    subset : {"sparse", "continuous"}
        Whether they are scattered or neighbours.

    rng : RandomState
        The generator.

    Returns
    -------
    ndarray of shape (n_kept,)
        The classes in ascending order, at least one.
    """
    n_kept = max(1, round(coverage * size))
    if subset == "sparse":
        return np.sort(rng.choice(size, n_kept, replace=False))
    return rng.randint(size - n_kept + 1) + np.arange(n_kept)


def check_factors(factors, names, sizes):
    """Check factor classes that come from outside.

    Parameters
    ----------
    factors : array-like of shape (n_samples, n_factors)
        The classes.

    names : sequence of str
        The factors' names.

    sizes : sequence of int
        The factors' numbers of classes.

    Returns
    -------
    ndarray of shape (n_samples, n_factors)
        The same as an integer array.
    """
    factors = np.asarray(factors)
    if factors.ndim != 2 or factors.shape[1] != len(names):
        raise ValueError(
            f"factors must have shape (n_samples, {len(names)}), one column for each "
            f"of {', '.join(names)}; got shape {factors.shape}."
        )
    if factors.dtype.kind not in "iu":
        raise ValueError(f"factors must be integer classes; got {factors.dtype}.")
    for name, size, column in zip(names, sizes, factors.T, strict=True):
        outside = column[(column < 0) | (column >= size)]
        if outside.size:
            raise ValueError(
                f"{name} has the classes 0 to {size - 1}; got {outside[0]}."
            )
    return factors
