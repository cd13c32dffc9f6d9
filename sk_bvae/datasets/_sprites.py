"""The geometry of dSprites: which pixel centres lie inside a sprite.

Lengths are in pixels of a 64 x 64 image, for a sprite of scale 1.
"""

from typing import NamedTuple

import numpy as np

CANVAS = 64


class Outline(NamedTuple):
    """A shape at scale 1, upright, centred on the origin."""

    contains: object
    radius: float


def _in_square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) <= 9.6


def _in_ellipse(u, v):
    return (u / 12.76) ** 2 + (v / 7.22) ** 2 <= 1


def _heart_sides(n_vertices=150):
    """Give the right half of the heart as two polylines over x: upper and lower.

    The frames of dSprites show a polygon rather than the smooth curve: of 168 hearts,
    150 vertices meet 166 in every pixel, the curve 139.
    """
    t = 2 * np.pi * np.arange(n_vertices // 2 + 1) / n_vertices
    x = 9.6 * np.sin(t) ** 3
    waves = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    y = waves * 19.2 / 29 + 1.44
    upper = t < np.pi / 2
    return (x[upper], y[upper]), (x[~upper][::-1], y[~upper][::-1])


_HEART_TOP, _HEART_BOTTOM = _heart_sides()


def _in_heart(u, v):
    u = np.abs(u)
    below_top = v <= np.interp(u, *_HEART_TOP, right=-np.inf)
    return below_top & (v >= np.interp(u, *_HEART_BOTTOM))


OUTLINES = {
    "square": Outline(_in_square, 13.6),
    "ellipse": Outline(_in_ellipse, 12.8),
    "heart": Outline(_in_heart, 11.3),
}


def draw_sprites(images, index, shape, scale, orientation, x, y):
    """Set to 1 the pixels whose centres a sprite covers, in images that were blank.

    Only a window around each sprite is looked at.

    Parameters
    ----------
    images : ndarray of shape (n_images, size, size)
        The images, written in place.

    index : ndarray of shape (n_sprites,)
        Where the sprites go: one into each of ``images[index]``.

    shape : str
        The outline of all these sprites.

    scale : ndarray of shape (n_sprites,)
        The sizes, where 1 is that of ``OUTLINES``.

    orientation : ndarray of shape (n_sprites,)
        The angles, counter-clockwise.

    x : ndarray of shape (n_sprites,)
        The horizontal positions in the middle half of the image, from 0 to 1.

    y : ndarray of shape (n_sprites,)
        The vertical positions, downwards.
    """
    unit = images.shape[1] / CANVAS
    size = scale[:, None] * unit
    center_x, center_y = (16 + 32 * x) * unit, (16 + 32 * y) * unit
    contains, radius = OUTLINES[shape]
    columns = _window(center_x, radius * size.max(), images.shape[1])
    rows = _window(center_y, radius * size.max(), images.shape[1])

    right = (columns + 0.5 - center_x[:, None]) / size
    up = (center_y[:, None] - rows - 0.5) / size
    cos, sin = np.cos(orientation)[:, None], np.sin(orientation)[:, None]
    u = (sin * up)[:, :, None] + (cos * right)[:, None, :]
    v = (cos * up)[:, :, None] - (sin * right)[:, None, :]
    pixels = index[:, None, None], rows[:, :, None], columns[:, None, :]
    images[pixels] = contains(u, v)


def _window(center, reach, image_size):
    """Number the pixels within reach along one axis: a row of them for each image."""
    width = int(2 * reach) + 1
    first = np.ceil(center - reach - 0.5).clip(0, image_size - width)
    return first[:, None].astype(np.intp) + np.arange(width)
