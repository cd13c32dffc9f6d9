"""What every function of this package returns."""

from typing import Any, TypeAlias

from sklearn.utils import Bunch

# With return_X_y it is two arrays; Any spares callers to tell the checker which.
BunchOrTuple: TypeAlias = Bunch | Any


def bunch(data, images, target, factor_names, render, descr):
    """Put images and what is known of their factors side by side.

    Parameters
    ----------
    data : array of shape (n_samples, n_pixels)
        The images as rows.

    images : array of shape (n_samples, height, width) or with channels last
        The same, as images.

    target : ndarray of shape (n_samples, n_factors)
        The class of each factor.

    factor_names : sequence of str
        The factors' names.

    render : callable
        Gives the images of any classes, and knows the factors' values and sizes.

    descr : str
        The description of the data.

    Returns
    -------
    Bunch
        All of it, by scikit-learn's names.
    """
    return Bunch(
        data=data,
        images=images,
        target=target,
        factor_values=render.factor_values,
        factor_names=list(factor_names),
        factor_sizes=render.factor_sizes,
        render=render,
        DESCR=descr,
    )
