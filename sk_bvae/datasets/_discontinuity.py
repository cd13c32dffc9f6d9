"""How far apart neighbouring values of a factor look."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length, gen_batches

BATCH_SIZE = 1024


def factor_discontinuity(X: ArrayLike, Y: ArrayLike) -> np.ndarray:
    """Measure how much the images change from one value of a factor to the next.

    Appendix A.8 of [1]_: the Hamming distance between consecutive transforms of one
    object, over the mean number of pixels that the two occupy, averaged over all such
    pairs in the data. Two images are consecutive transforms in one factor if they agree
    in all others and no image with the same others lies between them. Near 0 the data
    are continuous; at 2 consecutive images do not overlap at all.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_pixels)
        Binary images as rows; 0 is the background.

    Y : array-like of shape (n_samples, n_factors)
        Integer class of each factor, in the order of its values.

    Returns
    -------
    ndarray of shape (n_factors,)
        The mean over pairs for each factor; nan where no pair differs in that factor
        alone. For one number, as in the paper, average over the factors that transform
        an object: in :func:`make_shapes2d` all but the first.

    See Also
    --------
    make_shapes2d : Its ``coverage`` and ``subset`` make data sparser.

    References
    ----------
    .. [1] I. Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a
       Constrained Variational Framework", ICLR 2017.

    Examples
    --------
    Half of the positions: neighbours, or scattered.

    >>> from sk_bvae.datasets import factor_discontinuity, make_shapes2d
    >>> def positions(subset):
    ...     return make_shapes2d(
    ...         None, shapes=["square"], n_scales=1, n_orientations=1, coverage=0.5,
    ...         subset=subset, random_state=0, return_X_y=True,
    ...     )
    >>> factor_discontinuity(*positions("continuous"))[3:].round(1)
    array([0.2, 0.2])
    >>> factor_discontinuity(*positions("sparse"))[3:].round(1)
    array([0.4, 0.4])
    """
    X = check_array(X, dtype=None)
    Y = check_array(Y, dtype=None)
    check_consistent_length(X, Y)
    return np.array(
        [_mean_change(X, *_consecutive(Y, factor)) for factor in range(Y.shape[1])]
    )


def _consecutive(Y, factor):
    """Pair the rows that are neighbours in one factor and equal in all others."""
    order = np.lexsort([Y[:, factor], *np.delete(Y, factor, axis=1).T])
    differs = Y[order[1:]] != Y[order[:-1]]
    alone = differs[:, factor] & (differs.sum(axis=1) == 1)
    return order[:-1][alone], order[1:][alone]


def _mean_change(X, before, after):
    """Average the normalised Hamming distance, by batches: pairs outnumber memory."""
    if not len(before):
        return np.nan
    total = 0.0
    for batch in gen_batches(len(before), BATCH_SIZE):
        first, second = X[before[batch]], X[after[batch]]
        changed = np.count_nonzero(first != second, axis=1)
        occupied = np.count_nonzero(first, axis=1) + np.count_nonzero(second, axis=1)
        # Two blank images have nothing to change: 0 over 1 rather than 0 over 0.
        total += (changed / np.maximum(occupied / 2, 1)).sum()
    return total / len(before)
