"""Figures, styles and labels that fit the room they have."""

import math

import numpy as np
from sklearn.isotonic import isotonic_regression

# Letters of normal size, and the smallest that can be read in print.
LARGEST_LETTERS = 9.0
SMALLEST_LETTERS = 4.5

POINTS_PER_INCH = 72

# Inches, of lines over the columns of a table.
COLUMN_WIDTH = 0.3
LARGEST_WIDTH_OF_A_TABLE = 9.0
NARROWEST_TABLE = 5.0

# Mean width of a letter of matplotlib's default font, as a share of the font's size:
# figures are given a size before the text in them can be measured.
WIDTH_OF_A_LETTER = 0.55


def take_axes(ax, width, height):
    """Take the given axes, or open a figure of a size in inches.

    Parameters
    ----------
    ax : Axes or None
        What the user gave.

    width : float
        Width of a new figure.

    height : float
        Its height.

    Returns
    -------
    ax : Axes
        Where to draw.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="compressed")
    return ax


def take_columns(ax, names, height):
    """Take the given axes, or open a figure, for lines over the columns of a table.

    Parameters
    ----------
    ax : Axes or None
        What the user gave.

    names : list of str
        The columns' names, which are written below.

    height : float
        Height in inches of a new figure without the names.

    Returns
    -------
    ax : Axes
        Where to draw.
    """
    n_columns = len(names)
    column = min(COLUMN_WIDTH, LARGEST_WIDTH_OF_A_TABLE / n_columns)
    width = max(NARROWEST_TABLE, column * n_columns + 1)
    ax = take_axes(ax, width, height + length_of(names, letters_for(column)))
    ax.set_xlim(-0.5, n_columns - 0.5)
    label_features(ax, names, column)
    return ax


def take_grid(ax, shape, width, height, n_axes=None, **subplots_kw):
    """Take the given axes, or open a figure with a grid of them.

    Parameters
    ----------
    ax : array-like of Axes or None
        What the user gave.

    shape : tuple of int
        Rows and columns of the grid.

    width : float
        Width of a new figure in inches.

    height : float
        Its height.

    n_axes : int, default=None
        How many axes are needed, if the last places of the grid stay empty.

    **subplots_kw : dict
        Further arguments of ``matplotlib.pyplot.subplots``.

    Returns
    -------
    axes : ndarray of Axes, of the shape asked for
        Where to draw, and None in empty places.
    """
    import matplotlib.pyplot as plt

    n_axes = n_axes or math.prod(shape)
    grid = np.full(math.prod(shape), None, dtype=object)
    if ax is None:
        _, axes = plt.subplots(
            *shape,
            figsize=(width, height),
            layout="constrained",
            squeeze=False,
            **subplots_kw,
        )
        for surplus in axes.flat[n_axes:]:
            surplus.remove()
        grid[:n_axes] = axes.flat[:n_axes]
    else:
        axes = np.asarray(ax, dtype=object).ravel()
        if axes.size != n_axes:
            raise ValueError(f"ax must hold {n_axes} axes; got {axes.size}.")
        grid[:n_axes] = axes
    return grid.reshape(shape)


def style(artist, defaults, kwargs):
    """Let the user's style override the default one, by any of its aliases.

    Parameters
    ----------
    artist : type
        The class of the artist.

    defaults : dict
        Our style, by full names.

    kwargs : dict or None
        The user's, by full names or aliases.

    Returns
    -------
    style : dict
        Both.
    """
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(kwargs or {}, artist)}


def letters_for(room):
    """Give the size, in points, of letters on lines that are ``room`` inches apart."""
    return float(
        np.clip(0.75 * POINTS_PER_INCH * room, SMALLEST_LETTERS, LARGEST_LETTERS)
    )


def room_per_line(ax, n_lines):
    """Measure the height that axes have for each of some lines, in inches."""
    figure = ax.figure
    box = ax.get_window_extent()
    return box.height / figure.dpi / n_lines


def keep_apart(positions, gap, low, high):
    """Move labels along a line as little as possible, until none overlap.

    Least squares under the constraint that neighbours are a gap apart, which is
    isotonic regression once the gaps are subtracted.

    Parameters
    ----------
    positions : array-like of shape (n_labels,)
        Where they would stand.

    gap : float
        The least distance between two.

    low : float
        The least position.

    high : float
        The largest position, far enough away for all.

    Returns
    -------
    positions : ndarray of shape (n_labels,)
        Where they stand, in the order that they came.
    """
    positions = np.asarray(positions, dtype=float)
    if not positions.size:
        return positions
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(positions))
    bounds = {"y_min": low, "y_max": high - steps[-1]}
    moved = np.empty(len(positions))
    moved[order] = isotonic_regression(positions[order] - steps, **bounds) + steps
    return moved


def length_of(names, size):
    """Estimate how long the longest of some names is, in inches."""
    letters = max(len(name) for name in names)
    return WIDTH_OF_A_LETTER * size / POINTS_PER_INCH * letters


def label_features(ax, names, room):
    """Write feature names under the columns 0, 1, ..., or some of them if crowded.

    Parameters
    ----------
    ax : Axes
        The axes.

    names : list of str
        The names.

    room : float
        Width of a column in inches.
    """
    size = letters_for(room)
    every = max(1, int(np.ceil(size / (POINTS_PER_INCH * room))))
    shown = np.arange(0, len(names), every)
    ax.set_xticks(shown, [names[column] for column in shown])
    ax.tick_params("x", rotation=90, labelsize=size)


def label_rows(ax, names):
    """Write names beside the rows 0, 1, ..., in letters that fit between them."""
    size = letters_for(room_per_line(ax, len(names)))
    ax.set_yticks(range(len(names)), names, fontsize=size)
