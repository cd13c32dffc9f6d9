"""Traversals of images, drawn."""

import numpy as np

from sk_bvae.inspection._canvas import label_rows, letters_for, take_axes
from sk_bvae.inspection._mosaic import show_mosaic

# Inches.
TILE = 0.6
LARGEST_HEIGHT = 11.0
NARROWEST = 4.2
LARGEST_WIDTH = 7.5
ROOM_FOR_NAMES = 1.2
ANIMATED_TILE = 1.1

# Room for a name between two images, as a share of their side.
GALLERY_GAP = 0.24

# Columns that are labelled; of more, every second one, and so on.
MOST_LABELS = 13


def draw_traversals(ax, images, limits, kwargs):
    """Draw a row of images for each latent.

    Parameters
    ----------
    ax : Axes or None
        Where to draw.

    images : ndarray of shape (n_latents, n_values, height, width) or with 3 channels
        The images.

    limits : tuple of float
        The values of black and white.

    kwargs : dict
        The user's arguments of ``imshow``.

    Returns
    -------
    image : AxesImage
        What was drawn.
    """
    n_rows, n_columns, height, width = images.shape[:4]
    tile = min(TILE, LARGEST_HEIGHT / n_rows, LARGEST_WIDTH / n_columns)
    across = tile * n_columns * width / height
    ax = take_axes(ax, max(NARROWEST, across + ROOM_FOR_NAMES), tile * n_rows + 0.5)
    return show_mosaic(ax, images, limits, kwargs)


def label_traversals(ax, latent_names, values, unit):
    """Name the rows and the columns."""
    label_rows(ax, latent_names)
    shown = shown_positions(len(values))
    ax.set_xticks(shown, [f"{value:.3g}" for value in values[shown]])
    ax.tick_params("x", labelsize=8)
    ax.set_xlabel(f"value of the latent ({unit})")


def shown_positions(n_positions):
    """Choose the positions that get a label."""
    return np.arange(0, n_positions, -(-n_positions // MOST_LABELS))


def draw_gallery(tiles, latent_names, limits, kwargs):
    """Draw one image of each latent, with its name above.

    Parameters
    ----------
    tiles : ndarray of shape (n_rows, n_columns, height, width) or with 3 channels last
        The images, and empty places after the last.

    latent_names : sequence of str
        A name for each image.

    limits : tuple of float
        The values of black and white.

    kwargs : dict
        The user's arguments of ``imshow``.

    Returns
    -------
    image : AxesImage
        What was drawn.
    """
    n_rows, n_columns, height, width = tiles.shape[:4]
    across = ANIMATED_TILE * n_columns * width / height
    ax = take_axes(None, across, ANIMATED_TILE * n_rows + 0.5)
    image = show_mosaic(ax, tiles, limits, kwargs, gap=GALLERY_GAP)
    ax.set(xticks=[], yticks=[])
    above = image.get_extent()[3]
    for position, name in enumerate(latent_names):
        row, column = divmod(position, n_columns)
        ax.annotate(
            name,
            (column, row + above),
            (0, 1.5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=letters_for(0.14),
            annotation_clip=False,
        )
    return image
