"""Gaussian blobs that move over x and y."""

from numbers import Integral, Real

import numpy as np

from sk_bvae.datasets._bunch import BunchOrTuple, bunch
from sk_bvae.datasets._factors import check_factors, sample_factors
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import RandomState

FACTOR_NAMES = ("position_x", "position_y")

# A blob keeps this many standard deviations away from the border, so that none is cut.
MARGIN = 3

DESCR = """\
Gaussian blobs with two known factors
=====================================

Grey images of one isotropic Gaussian blob on black, with values in [0, 1]. The factors,
in the order of the columns of `target`, are position_x and position_y: evenly spaced
centres, as shares of the side, from three standard deviations off one border to three
off the other, rightwards and downwards.

Reference: C. P. Burgess et al., "Understanding disentangling in beta-VAE", 2018,
Figure 2.
"""


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left"), None],
        "image_size": [Interval(Integral, 8, None, closed="left")],
        "std": [Interval(Real, 0, 1 / (2 * MARGIN), closed="neither")],
        "n_positions": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_blobs2d(
    n_samples: int | None = 10_000,
    *,
    image_size: int = 32,
    std: float = 0.06,
    n_positions: int = 32,
    random_state: RandomState = None,
    return_X_y: bool = False,
) -> BunchOrTuple:
    """Generate images of a Gaussian blob that moves over x and y.

    The data on which [1]_ shows that a larger weight of the KL term aligns latent
    variables with the two axes of motion.

    Parameters
    ----------
    n_samples : int or None, default=10_000
        Number of images, whose positions are drawn independently and uniformly.
        ``None`` gives every position once, ``position_y`` changing fastest.

    image_size : int, default=32
        Side of the square images in pixels, at least 8.

    std : float, default=0.06
        Standard deviation of the blob as a share of the side, in (0, 1/6).

    n_positions : int, default=32
        Number of positions along each axis.

    random_state : int, RandomState instance or None, default=None
        Determines the draws. Pass an int for reproducible output. NumPy's global
        random state is never used.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, image_size ** 2), dtype float32
            The images as rows, with values in [0, 1].
        images : ndarray of shape (n_samples, image_size, image_size)
            The same memory, as images.
        target : ndarray of shape (n_samples, 2)
            The class of each factor.
        factor_values : list of 2 ndarrays
            The values that the classes stand for: centres as shares of the side.
        factor_names : list of 2 str
            ``["position_x", "position_y"]``.
        factor_sizes : list of 2 int
            The number of classes of each factor.
        render : callable
            ``render(factors)`` returns the images, of shape (n, image_size,
            image_size), of any factor classes of shape (n, 2). It can be pickled.
        DESCR : str
            The description of the data.

    (data, target) : tuple if ``return_X_y=True``
        The two arrays described above.

    See Also
    --------
    make_shapes2d : Binary shapes with five factors.

    References
    ----------
    .. [1] C. P. Burgess et al., "Understanding disentangling in beta-VAE", 2018,
       https://arxiv.org/abs/1804.03599

    Examples
    --------
    >>> from sk_bvae.datasets import make_blobs2d
    >>> blobs = make_blobs2d(None, n_positions=5)
    >>> blobs.images.shape
    (25, 32, 32)
    >>> blobs.target[:3]
    array([[0, 0],
           [0, 1],
           [0, 2]])
    """
    render = Blobs2DRenderer(image_size, std, n_positions)
    rng = private_random_state(random_state)
    classes = [np.arange(size) for size in render.factor_sizes]
    target = sample_factors(classes, n_samples, rng)
    images = render(target)
    data = images.reshape(len(images), -1)
    if return_X_y:
        return data, target
    return bunch(data, images, target, FACTOR_NAMES, render, DESCR)


class Blobs2DRenderer:
    """Images of any positions: ``render`` of :func:`make_blobs2d`.

    Parameters
    ----------
    image_size : int
        Side of the images.

    std : float
        Standard deviation of the blob as a share of the side.

    n_positions : int
        Number of positions along each axis.
    """

    def __init__(self, image_size, std, n_positions):
        self.image_size = image_size
        self.std = std
        centers = np.linspace(MARGIN * std, 1 - MARGIN * std, n_positions)
        self.factor_values = [centers, centers]
        self.factor_sizes = [n_positions, n_positions]

    def __call__(self, factors):
        """Return new images, shape (n, image_size, image_size), of the classes."""
        factors = check_factors(factors, FACTOR_NAMES, self.factor_sizes)
        profiles = self._profiles()
        across, down = profiles[factors[:, 0]], profiles[factors[:, 1]]
        return down[:, :, None] * across[:, None, :]

    def _profiles(self):
        """Give the blob along one axis, a row for each position: it is separable."""
        pixels = (np.arange(self.image_size) + 0.5) / self.image_size
        distances = (pixels - self.factor_values[0][:, None]) / self.std
        return np.exp(-0.5 * distances**2).astype(np.float32)
