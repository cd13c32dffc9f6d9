"""What a row of data is: an image, or the columns of a table."""

import math

import numpy as np

from sk_bvae.inspection._codes import find_model

# The side of the smallest square image that is taken for one unasked.
SMALLEST_SIDE = 8


def resolve_image_shape(image_shape, n_features, feature_names=None, transformer=None):
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


def resolve_feature_names(feature_names, n_features, transformer=None):
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


def _channels(image_shape):
    """Say which dimension holds the channels; the estimators have them first."""
    if image_shape[0] in (1, 3):
        return "first"
    return "last" if image_shape[-1] in (1, 3) else None
