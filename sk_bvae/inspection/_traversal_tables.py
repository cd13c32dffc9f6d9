"""Traversals of tables, drawn."""

import numpy as np

from sk_bvae.inspection._canvas import (
    label_features,
    length_of,
    letters_for,
    room_per_line,
    style,
    take_axes,
)
from sk_bvae.inspection._decoded import in_units
from sk_bvae.inspection._mosaic import show_mosaic
from sk_bvae.inspection._traversal_images import shown_positions

# Inches.
CELL = 0.3
LARGEST_HEIGHT = 9.0
LARGEST_WIDTH = 12.0
NARROWEST = 5.0
ROOM_BESIDE = 2.2
ROOM_ABOVE = 0.5
LINE_HEIGHT = 0.7
BAR_WIDTH = 0.15

# The least side of a cell in pixels, so that the gap of one pixel is narrow.
FEWEST_PIXELS = 7

# The share of the way to the next row that the longest line goes.
REACH = 0.6


def express_changes(traversals, middle, feature_std):
    """Give the changes from the middle in a unit that all features share.

    Parameters
    ----------
    traversals : ndarray of shape (n_latents, n_values, n_features)
        Decoded rows.

    middle : ndarray of shape (n_features,) or None
        What the changes start from; None takes the mean.

    feature_std : ndarray of shape (n_features,) or None
        The unit; None takes each feature's largest change.

    Returns
    -------
    changes : ndarray of shape (n_latents, n_values, n_features)
        The changes.

    unit : str
        What the unit is called.
    """
    middle = traversals.mean(axis=(0, 1)) if middle is None else middle
    changes = traversals - middle
    name = "std of the feature"
    if feature_std is None:
        feature_std = np.abs(changes).max(axis=(0, 1))
        name = "shares of its largest"
    return in_units(changes, feature_std), name


def find_limit(changes):
    """Find the largest change, the end of a scale around 0."""
    return float(np.abs(changes).max()) or 1.0


def make_cells(changes):
    """Make a square tile for each latent and feature, its values left to right."""
    strips = changes.swapaxes(1, 2)[:, :, None, :]
    thickness = -(-FEWEST_PIXELS // changes.shape[1])
    strips = strips.repeat(thickness, axis=3)
    return strips.repeat(strips.shape[3], axis=2)


def draw_cells(ax, tiles, limit, unit, feature_names, kwargs):
    """Draw a heat map of latents and features.

    Parameters
    ----------
    ax : Axes or None
        Where to draw.

    tiles : ndarray of shape (n_latents, n_features, height, width)
        The cells.

    limit : float
        The end of the colours' scale.

    unit : str
        Its unit.

    feature_names : list of str
        The features' names.

    kwargs : dict
        The user's arguments of ``imshow``.

    Returns
    -------
    image : AxesImage
        What was drawn.
    """
    n_rows, n_columns = tiles.shape[:2]
    cell = min(CELL, LARGEST_HEIGHT / n_rows, LARGEST_WIDTH / n_columns)
    names = length_of(feature_names, letters_for(cell))
    ax = take_axes(
        ax,
        max(NARROWEST, cell * n_columns + ROOM_BESIDE),
        cell * n_rows + names + ROOM_ABOVE,
    )
    image = show_mosaic(ax, tiles, (-limit, limit), kwargs, cmap="coolwarm")
    label_features(ax, feature_names, cell)
    thinness = max(5, cell * n_rows / BAR_WIDTH)
    bar = ax.figure.colorbar(image, ax=ax, aspect=thinness, pad=0.02)
    bar.set_label(f"change\n({unit})", fontsize="small")
    return image


def draw_lines(ax, changes, unit, feature_names, kwargs):
    """Draw a row for each latent, and in it a line over the features for each value.

    Parameters
    ----------
    ax : Axes or None
        Where to draw.

    changes : ndarray of shape (n_latents, n_values, n_features)
        The changes.

    unit : str
        Their unit.

    feature_names : list of str
        The features' names.

    kwargs : dict
        The user's arguments of ``Axes.plot``.

    Returns
    -------
    ax : Axes
        Where the lines are.

    lines : list of list of Line2D
        For each latent, a line for each value.
    """
    from matplotlib.lines import Line2D

    n_latents, n_values, n_features = changes.shape
    limit = find_limit(changes)
    room = min(LINE_HEIGHT, LARGEST_HEIGHT / n_latents)
    column = min(CELL, LARGEST_WIDTH / n_features)
    names = length_of(feature_names, letters_for(column))
    ax = take_axes(
        ax,
        max(NARROWEST, column * n_features + ROOM_BESIDE),
        room * n_latents + names + ROOM_ABOVE,
    )
    styles = [
        style(Line2D, {"color": colour, "linewidth": 1.2}, kwargs)
        for colour in line_colours(n_values)
    ]
    lines = []
    for row, curves in enumerate(changes):
        ax.axhline(row, color="0.8", linewidth=0.8, zorder=0)
        heights = row - REACH * curves / limit
        pairs = zip(heights, styles, strict=True)
        lines.append([ax.plot(height, **options)[0] for height, options in pairs])
    ax.set(xlim=(-0.5, n_features - 0.5), ylim=(n_latents - 0.3, -0.7))
    label_features(ax, feature_names, column)
    ax.set_title(f"rows are {limit / REACH:.2g} {unit} apart", fontsize="small")
    return ax, lines


def explain_colours(ax, values, unit):
    """Add a colour bar that gives each line's value."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    norm = BoundaryNorm(np.arange(len(values) + 1) - 0.5, len(values))
    key = ScalarMappable(norm, ListedColormap(line_colours(len(values))))
    bar = ax.figure.colorbar(
        key,
        ax=ax,
        aspect=max(5, room_per_line(ax, 1) / BAR_WIDTH),
        pad=0.02,
    )
    bar.set_label(f"value of the latent\n({unit})", fontsize="small")
    shown = shown_positions(len(values))
    bar.set_ticks(shown, labels=[f"{value:.3g}" for value in values[shown]])


def line_colours(n_values):
    """Give a colour for each value, darker to lighter."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0, 0.9, n_values))
