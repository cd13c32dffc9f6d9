"""A published data set that holds every combination of its factors once."""

import numpy as np

from sk_bvae.datasets._bunch import bunch
from sk_bvae.datasets._factors import check_factors
from sk_bvae.datasets._hdf5 import HDF5Array


def load_grid_file(path, images_name, labels, factor_names, descr):
    """Describe a file whose images lie in the order of the factors' grid.

    Parameters
    ----------
    path : path-like
        The HDF5 file.

    images_name : str
        The data set of its images.

    labels : ndarray of shape (n_samples, n_factors)
        The value of each factor.

    factor_names : sequence of str
        The factors' names.

    descr : str
        The description of the data.

    Returns
    -------
    Bunch
        The data set, its images left on disk.
    """
    images = HDF5Array(path, images_name)
    columns = [np.unique(column, return_inverse=True) for column in labels.T]
    target = np.column_stack([classes for _, classes in columns])
    render = GridLookup(images, factor_names, [values for values, _ in columns])
    data = HDF5Array(path, images_name, flatten=True)
    return bunch(data, images, target, factor_names, render, descr)


class GridLookup:
    """The images of any factor classes, read from the file.

    Parameters
    ----------
    images : HDF5Array
        The images in the order of the factors' grid.

    factor_names : sequence of str
        The factors' names.

    factor_values : list of ndarray
        What the classes of each factor stand for.
    """

    def __init__(self, images, factor_names, factor_values):
        self.images = images
        self.factor_names = factor_names
        self.factor_values = factor_values
        self.factor_sizes = [len(values) for values in factor_values]

    def __call__(self, factors):
        """Return the images of the classes."""
        factors = check_factors(factors, self.factor_names, self.factor_sizes)
        return self.images[np.ravel_multi_index(factors.T, self.factor_sizes)]
