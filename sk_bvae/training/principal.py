"""The principal axes of rows, in bounded memory."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils.extmath import randomized_svd, svd_flip

# Up to this many columns the covariance is whole: 8 MiB.
WHOLE_COVARIANCE = 1024

# Above, a sample of rows of this many numbers is taken apart: 256 MiB in float64.
SAMPLE_NUMBERS = 2**25


class PrincipalAxes(NamedTuple):
    """The largest directions of a covariance.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_axes,)
        Largest first.

    axes : ndarray of shape (n_axes, n_features)
        Of unit length.

    total : float
        The sum of all eigenvalues.
    """

    eigenvalues: np.ndarray
    axes: np.ndarray
    total: float


def principal_axes(rows, n_axes, seed):
    """Find the principal axes of rows, as `sklearn.decomposition.PCA` has them.

    Where a value is missing the column's mean stands in, as it does before an encoder.
    What the axes say is then less than the truth, and what is left more: of all starts
    that were tried, expectation maximisation among them, the one that imputes best.

    Parameters
    ----------
    rows : Rows
        The rows.

    n_axes : int
        How many; fewer come out where there are fewer rows or columns.

    seed : int
        Draws the sample, and the start of its decomposition, where there are too many
        columns for a whole covariance.

    Returns
    -------
    principal : PrincipalAxes
        In float64.
    """
    n_rows, n_features = len(rows), rows.array.shape[1]
    mean, variance = rows.moments
    if rows.has_gaps:
        variance = _variance(rows, mean)
    unbiased = rows.n_counted / max(1, rows.n_counted - 1)
    n_axes = min(n_axes, n_rows, n_features)
    if n_features <= WHOLE_COVARIANCE:
        eigenvalues, axes = _of_covariance(rows, mean, n_axes)
    else:
        eigenvalues, axes = _of_sample(rows, mean, n_axes, seed)
    axes, _ = svd_flip(axes.T, axes)  # signs that no library's kernel decides
    axes[variance == 0] = 0.0  # where rounding leaves what no two kernels agree on
    return PrincipalAxes(
        np.maximum(eigenvalues, 0.0) * unbiased,
        axes.T,
        float(variance.sum() * unbiased),
    )


def _centred(rows, mean):
    for block in rows.exact_blocks():
        block -= mean
        if rows.has_gaps:
            block[np.isnan(block)] = 0.0
        yield block


def _variance(rows, mean):
    blocks = zip(_centred(rows, mean), rows.weight_blocks(), strict=False)
    squares = (_weigh(np.square(block), weight).sum(axis=0) for block, weight in blocks)
    return sum(squares) / len(rows)


def _of_covariance(rows, mean, n_axes):
    # By torch: NumPy's threads go on spinning for a while, beside those that train.
    squares = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for block, weight in zip(_centred(rows, mean), rows.weight_blocks(), strict=False):
        weighed, block = map(torch.from_numpy, (_weigh(block, weight), block))
        squares += weighed.T @ block
    values, vectors = torch.linalg.eigh(squares / len(rows))
    return values.flip(0)[:n_axes].numpy(), vectors.T.flip(0)[:n_axes].numpy()


def _of_sample(rows, mean, n_axes, seed):
    rng = np.random.RandomState(seed)
    n_sampled = min(len(rows), max(2 * n_axes, SAMPLE_NUMBERS // len(mean)))
    chosen = torch.from_numpy(np.sort(rng.permutation(len(rows))[:n_sampled]))
    rows = rows.restrict(chosen)
    sample = np.concatenate(list(_centred(rows, mean)))
    if rows.weight is not None:
        sample = _weigh(sample, rows.weight.sqrt())
    _, singular, axes = randomized_svd(sample, n_axes, random_state=rng)
    return singular**2 / n_sampled, axes


def _weigh(block, weight):
    return block if weight is None else weight.unsqueeze(1).numpy() * block
