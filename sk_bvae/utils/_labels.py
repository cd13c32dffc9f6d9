"""Rows without labels, in scikit-learn's sign."""

UNLABELLED = -1


def is_labelled(Y):
    """Say of each row whether its factors are known: not every entry is -1.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_factors)
        Factors.

    Returns
    -------
    labelled : ndarray of bool, shape (n_samples,)
        Whether they are.
    """
    return (Y != UNLABELLED).any(axis=1)
