"""Binary images of 2D shapes: dSprites, rendered from its geometry."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal

import numpy as np

from sk_bvae.datasets._bunch import BunchOrTuple, bunch
from sk_bvae.datasets._factors import check_factors, keep_classes, sample_factors
from sk_bvae.datasets._sprites import OUTLINES, draw_sprites
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, StrOptions, validate_params
from sk_bvae.utils._types import RandomState

FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")

# Pixels in one batch of images: its temporary arrays then fit a processor's cache.
BATCH_PIXELS = 2**20

DESCR = """\
2D shapes with five known factors
=================================

White sprites on black: binary images of a square, an ellipse or a heart, at several
scales, orientations and positions, every factor independent of the others.

This is a close re-rendering of dSprites from its geometry, *not* the original file:
beside genuine frames most images are equal in every pixel, others differ in a few
pixels on the outline. Results that are to be compared with published ones digit by
digit need the original, which `fetch_dsprites` downloads.

Factors, in the order of the columns of `target`:

- shape: square, ellipse, heart;
- scale: evenly spaced from 0.5 to 1;
- orientation: evenly spaced from 0 to 2 pi, both included, so that the first and the
  last class give the same image; counter-clockwise. A square also looks the same
  after a quarter of a turn, an ellipse after half a turn;
- position_x, position_y: evenly spaced from 0 to 1: the middle half of the image,
  rightwards and downwards.

References: L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites:
Disentanglement testing Sprites dataset", 2017,
https://github.com/google-deepmind/dsprites-dataset. I. Higgins et al., "beta-VAE:
Learning Basic Visual Concepts with a Constrained Variational Framework", ICLR 2017.
"""


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left"), None],
        "image_size": [Interval(Integral, 16, None, closed="left")],
        "shapes": [list, tuple],
        "n_scales": [Interval(Integral, 1, None, closed="left")],
        "n_orientations": [Interval(Integral, 1, None, closed="left")],
        "n_positions": [Interval(Integral, 1, None, closed="left")],
        "coverage": [Interval(Real, 0, 1, closed="right")],
        "subset": [StrOptions({"sparse", "continuous"})],
        "out": [np.ndarray, None],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_shapes2d(
    n_samples: int | None = 10_000,
    *,
    image_size: int = 64,
    shapes: Sequence[str] = ("square", "ellipse", "heart"),
    n_scales: int = 6,
    n_orientations: int = 40,
    n_positions: int = 32,
    coverage: float = 1.0,
    subset: Literal["sparse", "continuous"] = "sparse",
    out: np.ndarray | None = None,
    random_state: RandomState = None,
    return_X_y: bool = False,
) -> BunchOrTuple:
    """Generate binary images of 2D shapes from five independent factors.

    This is a close re-rendering of dSprites [1]_ from its geometry, *not* the original
    file: use :func:`fetch_dsprites` for that one. Nothing is downloaded.

    Parameters
    ----------
    n_samples : int or None, default=10_000
        Number of images, whose factors are drawn independently and uniformly. ``None``
        gives every combination of the factors once, in the order of dSprites:
        ``position_y`` changes fastest. With the default factors these are 737,280
        images, 3.0 GB.

    image_size : int, default=64
        Side of the square images in pixels, at least 16. The geometry is scaled.

    shapes : list or tuple of str, default=("square", "ellipse", "heart")
        The shapes, in the order of their classes.

    n_scales : int, default=6
        Number of scales from 0.5 to 1.

    n_orientations : int, default=40
        Number of orientations from 0 to 2 pi. As in dSprites both ends are included,
        and look the same.

    n_positions : int, default=32
        Number of positions along each axis.

    coverage : float, default=1.0
        Share of the values of each factor that occur, shape apart, in (0, 1]; at least
        one value is kept. Appendix A.8 of [2]_ studies what becomes of disentangling
        when the data are sparser.

    subset : {"sparse", "continuous"}, default="sparse"
        Which values occur when ``coverage < 1``: a random subsample, which makes the
        data discontinuous, or a range of neighbours of the same size, which does not.

    out : ndarray of shape (n_samples, image_size ** 2), default=None
        C-contiguous uint8 array to write into, such as a memory map; it becomes
        ``data``.

    random_state : int, RandomState instance or None, default=None
        Determines the draws. Pass an int for reproducible output. NumPy's global
        random state is never used.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, image_size ** 2), dtype uint8
            The images as rows of zeros and ones.
        images : ndarray of shape (n_samples, image_size, image_size)
            The same memory, as images.
        target : ndarray of shape (n_samples, 5)
            The class of each factor.
        factor_values : list of 5 ndarrays
            The values that the classes of each factor stand for.
        factor_names : list of 5 str
            ``["shape", "scale", "orientation", "position_x", "position_y"]``.
        factor_sizes : list of 5 int
            The number of classes of each factor. ``coverage`` does not change it.
        render : callable
            ``render(factors)`` returns the images, of shape (n, image_size,
            image_size), of any factor classes of shape (n, 5). It can be pickled.
        DESCR : str
            The description of the data.

    (data, target) : tuple if ``return_X_y=True``
        The two arrays described above.

    See Also
    --------
    factor_discontinuity : How far apart neighbouring values of a factor look.
    fetch_dsprites : The original images.
    make_blobs2d : Gaussian blobs, with a position as the only factors.

    References
    ----------
    .. [1] L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites: Disentanglement
       testing Sprites dataset", 2017,
       https://github.com/google-deepmind/dsprites-dataset
    .. [2] I. Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a
       Constrained Variational Framework", ICLR 2017.

    Examples
    --------
    >>> from sk_bvae.datasets import make_shapes2d
    >>> shapes = make_shapes2d(500, random_state=0)
    >>> shapes.data.shape, shapes.target.shape
    ((500, 4096), (500, 5))
    >>> shapes.factor_sizes
    [3, 6, 40, 32, 32]

    The largest heart, upright, in the corners of its range:

    >>> corners = [[2, 5, 0, 0, 0], [2, 5, 0, 31, 0], [2, 5, 0, 0, 31]]
    >>> shapes.render(corners).sum(axis=(1, 2)).tolist()
    [222, 222, 222]

    A whole grid, written straight into a file:

    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.NamedTemporaryFile(suffix=".npy") as file:
    ...     X = np.lib.format.open_memmap(
    ...         file.name, mode="w+", dtype=np.uint8, shape=(1024, 4096)
    ...     )
    ...     grid = make_shapes2d(
    ...         None, shapes=["heart"], n_scales=1, n_orientations=1, out=X
    ...     )
    ...     grid.data is X
    True
    """
    rng = private_random_state(random_state)
    render = Shapes2DRenderer(image_size, shapes, n_scales, n_orientations, n_positions)
    n_shapes, *n_transforms = render.factor_sizes
    classes = [np.arange(n_shapes)]
    classes += [keep_classes(size, coverage, subset, rng) for size in n_transforms]
    target = sample_factors(classes, n_samples, rng)

    shape = (len(target), image_size**2)
    data = np.empty(shape, dtype=np.uint8) if out is None else _check_out(out, shape)
    images = data.reshape(-1, image_size, image_size)
    render.draw(images, target)
    if return_X_y:
        return data, target
    return bunch(data, images, target, FACTOR_NAMES, render, DESCR)


class Shapes2DRenderer:
    """Images of any factor classes: ``render`` of :func:`make_shapes2d`.

    Parameters
    ----------
    image_size : int
        Side of the images.

    shapes : sequence of str
        The shapes.

    n_scales : int
        Number of scales.

    n_orientations : int
        Number of orientations.

    n_positions : int
        Number of positions along each axis.
    """

    def __init__(self, image_size, shapes, n_scales, n_orientations, n_positions):
        self.image_size = image_size
        self.factor_values = [
            np.array(_check_shapes(shapes)),
            np.linspace(0.5, 1, n_scales),
            np.linspace(0, 2 * np.pi, n_orientations),
            np.linspace(0, 1, n_positions),
            np.linspace(0, 1, n_positions),
        ]
        self.factor_sizes = [len(values) for values in self.factor_values]

    def __call__(self, factors):
        """Return new images, shape (n, image_size, image_size), of the classes."""
        factors = check_factors(factors, FACTOR_NAMES, self.factor_sizes)
        shape = (len(factors), self.image_size, self.image_size)
        images = np.empty(shape, dtype=np.uint8)
        self.draw(images, factors)
        return images

    def draw(self, images, factors):
        """Overwrite images, batch by batch to bound the memory needed.

        Parameters
        ----------
        images : ndarray of shape (n, image_size, image_size)
            Where to draw.

        factors : ndarray of shape (n, 5)
            Valid classes.
        """
        batch_size = max(1, BATCH_PIXELS // self.image_size**2)
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            images[batch] = 0
            self._draw_batch(images[batch], factors[batch])

    def _draw_batch(self, images, factors):
        shapes, *transforms = self.factor_values
        for which in np.unique(factors[:, 0]):
            index = np.flatnonzero(factors[:, 0] == which)
            columns = zip(transforms, factors[index, 1:].T, strict=True)
            values = [values[column] for values, column in columns]
            draw_sprites(images, index, str(shapes[which]), *values)


def _check_shapes(shapes):
    unknown = [shape for shape in shapes if shape not in OUTLINES]
    if unknown:
        raise ValueError(f"Unknown shape {unknown[0]!r}: there are {list(OUTLINES)}.")
    if not shapes or len(set(shapes)) < len(shapes):
        raise ValueError(f"shapes must name each shape once; got {shapes!r}.")
    return shapes


def _check_out(out, shape):
    if out.shape != shape or out.dtype != np.uint8:
        raise ValueError(
            f"out must be a uint8 array of shape {shape}; "
            f"got {out.dtype} of shape {out.shape}."
        )
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writeable.")
    return out
