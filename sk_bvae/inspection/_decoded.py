"""Decoded rows: images or a table, and what the displays of them share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from sk_bvae.inspection._codes import find_model
from sk_bvae.utils._types import Names

# The side of the smallest square image that is taken for one unasked.
SMALLEST_SIDE = 8


def find_image_shape(image_shape, n_features, feature_names=None, transformer=None):
    """Find out whether rows are images, and of what shape.

    Named columns make a table. Without names, what the transformer's own
    ``image_shape`` says holds, or else a square number of columns makes a grey image.

    Parameters
    ----------
    image_shape : tuple of int or None
        What the user says.

    n_features : int
        Length of a row.

    feature_names : sequence of str, default=None
        What the user calls the columns.

    transformer : estimator, default=None
        The fitted transformer of the rows.

    Returns
    -------
    image_shape : tuple of int or None
        The shape, or None for a table.
    """
    if image_shape is not None:
        return check_image_shape(image_shape, n_features)
    if feature_names is not None:
        return None
    own = getattr(find_model(transformer), "image_shape", None)
    if own is not None and math.prod(own) == n_features:
        return tuple(own)
    if getattr(transformer, "feature_names_in_", None) is not None:
        return None
    side = math.isqrt(n_features)
    square = side * side == n_features and side >= SMALLEST_SIDE
    return (side, side) if square else None


def check_image_shape(image_shape, n_features):
    """Refuse a shape that is none of an image, or does not fit the rows."""
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and not _channels(shape)):
        raise ValueError(
            f"image_shape={shape} is no image: it must be (height, width), "
            "(channels, height, width) or (height, width, channels), with 1 or 3 "
            "channels."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={shape} makes {math.prod(shape)} values, but the rows have "
            f"{n_features}."
        )
    return shape


def find_feature_names(feature_names, n_features, transformer=None):
    """List a name for every column.

    Parameters
    ----------
    feature_names : sequence of str or None
        What the user calls them.

    n_features : int
        Their number.

    transformer : estimator, default=None
        A transformer that may have seen their names.

    Returns
    -------
    names : list of str
        The names.
    """
    if feature_names is None:
        feature_names = getattr(transformer, "feature_names_in_", None)
    if feature_names is None:
        return [f"x{column}" for column in range(n_features)]
    if len(feature_names) != n_features:
        raise ValueError(
            f"There are {len(feature_names)} feature_names, but the rows have "
            f"{n_features} columns."
        )
    return [str(name) for name in feature_names]


def as_images(rows, image_shape):
    """Shape rows as images, channels last where there is colour.

    Parameters
    ----------
    rows : ndarray of shape (..., n_features)
        The rows.

    image_shape : tuple of int
        A checked shape.

    Returns
    -------
    images : ndarray of shape (..., height, width) or (..., height, width, 3)
        The images.
    """
    images = rows.reshape(*rows.shape[:-1], *image_shape)
    if len(image_shape) == 2:
        return images
    if _channels(image_shape) == "first":
        images = np.moveaxis(images, -3, -1)
    return images[..., 0] if images.shape[-1] == 1 else images


def value_range(rows):
    """Find the values of black and white: 0 and 1, or the extremes if beyond them."""
    low, high = float(np.min(rows)), float(np.max(rows))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high


def mean_and_std(X):
    """Measure the columns of a table."""
    X = np.asarray(X, dtype=float)
    return X.mean(axis=0), X.std(axis=0)


def standardise(rows, like, mean=None, std=None):
    """Express rows in standard deviations from the mean.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows.

    like : ndarray of shape (n_samples, n_features)
        What to measure where no mean or no deviation is given.

    mean : ndarray of shape (n_features,), default=None
        The mean.

    std : ndarray of shape (n_features,), default=None
        The standard deviations.

    Returns
    -------
    standardised : ndarray of shape (n_rows, n_features)
        The rows; constant columns give 0.
    """
    own_mean, own_std = mean_and_std(like)
    mean = own_mean if mean is None else mean
    return in_units(rows - mean, own_std if std is None else std)


def in_units(distances, units):
    """Divide each column by its unit; where that is 0 there is no distance to tell."""
    return np.divide(distances, units, where=units > 0, out=np.zeros_like(distances))


def _channels(image_shape):
    """Say which dimension holds the channels; the estimators have them first."""
    if image_shape[0] in (1, 3):
        return "first"
    return "last" if image_shape[-1] in (1, 3) else None


class DecodedDisplay(ABC):
    """What the displays of decoded rows have in common.

    Parameters
    ----------
    image_shape : tuple of int or None
        The shape of an image; None stands for a table.

    feature_names : sequence of str or None
        Names of the columns of a table.

    feature_std : ndarray of shape (n_features,) or None
        Standard deviations of the columns of a table.

    pixel_range : tuple of float or None
        The values of black and white.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] | None,
        feature_names: Names | None,
        feature_std: np.ndarray | None,
        pixel_range: tuple[float, float] | None,
    ) -> None:
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.feature_std = feature_std
        self.pixel_range = pixel_range

    @staticmethod
    @abstractmethod
    def _measure_table(X):
        """Measure the parameters of the display of a table that data determine."""

    @classmethod
    def _from_rows(
        cls, *rows, X, transformer, image_shape, feature_names, **parameters
    ):
        """Find out what the rows are, and on what scale of the data X to show them.

        Parameters
        ----------
        *rows : ndarray of shape (..., n_features)
            The first parameters of the display.

        X : array-like of shape (n_samples, n_features) or None
            Data.

        transformer : estimator or None
            The fitted transformer that decoded the rows.

        image_shape : tuple of int or None
            What the user says.

        feature_names : sequence of str or None
            What the user says.

        **parameters : dict
            The display's other parameters.

        Returns
        -------
        display : DecodedDisplay
            The display, not drawn.
        """
        n_features = rows[0].shape[-1]
        image_shape = find_image_shape(
            image_shape, n_features, feature_names, transformer
        )
        if X is not None and image_shape is not None:
            parameters["pixel_range"] = value_range(np.asarray(X))
        elif X is not None:
            parameters |= cls._measure_table(np.asarray(X))
        return cls(
            *rows,
            image_shape=image_shape,
            feature_names=find_feature_names(feature_names, n_features, transformer),
            **parameters,
        )

    def _images(self, rows):
        return as_images(rows, check_image_shape(self.image_shape, rows.shape[-1]))

    def _pixel_limits(self, rows):
        return self.pixel_range or value_range(rows)

    def _column_names(self, rows):
        return find_feature_names(self.feature_names, rows.shape[-1])
