"""Many small images in one axes: tile (row, column) has its centre at those."""

import numpy as np

from sk_bvae.inspection._canvas import style

# Share of a tile's side between two tiles.
GAP = 0.06


def make_mosaic(tiles, gap=GAP):
    """Lay tiles side by side, with nothing (NaN) between them.

    Parameters
    ----------
    tiles : ndarray of shape (n_rows, n_columns, height, width) or with 3 channels last
        The tiles.

    gap : float, default=0.06
        Room between two tiles, as a share of a tile's longer side.

    Returns
    -------
    mosaic : ndarray of shape (n_pixels_down, n_pixels_across) or with 3 channels last
        One image.
    """
    n_rows, n_columns, height, width, *channels = tiles.shape
    gap = _pixels(gap, height, width)
    down, across = height + gap, width + gap
    frames = np.full((n_rows, n_columns, down, across, *channels), np.nan)
    frames[:, :, :height, :width] = tiles
    joined = frames.swapaxes(1, 2).reshape(n_rows * down, n_columns * across, *channels)
    return joined[:-gap, :-gap]


def wrap(images):
    """Set images in rows and columns, with empty places after the last."""
    n_columns = int(np.ceil(np.sqrt(len(images))))
    n_rows = -(-len(images) // n_columns)
    tiles = np.full((n_rows * n_columns, *images.shape[1:]), np.nan)
    tiles[: len(images)] = images
    return tiles.reshape(n_rows, n_columns, *images.shape[1:])


def show_mosaic(ax, tiles, limits, kwargs, cmap="gray", gap=GAP):
    """Draw tiles.

    Parameters
    ----------
    ax : Axes
        Where.

    tiles : ndarray of shape (n_rows, n_columns, height, width) or with 3 channels last
        The tiles.

    limits : tuple of float
        The values of black and white.

    kwargs : dict
        The user's arguments of ``imshow``.

    cmap : str, default="gray"
        The colour map for tiles without channels.

    gap : float, default=0.06
        Room between two tiles, as a share of a tile's longer side.

    Returns
    -------
    image : AxesImage
        What was drawn.
    """
    from matplotlib.image import AxesImage

    n_rows, n_columns, height, width = tiles.shape[:4]
    space = _pixels(gap, height, width)
    down, across = height + space, width + space
    half = 0.5 * width / across, 0.5 * height / down
    left_right = (-half[0], n_columns - 1 + half[0])
    bottom_top = (n_rows - 1 + half[1], -half[1])
    defaults = {
        "cmap": cmap,
        "vmin": limits[0],
        "vmax": limits[1],
        "extent": (*left_right, *bottom_top),
        "aspect": down / across,
    }
    options = style(AxesImage, defaults, kwargs)
    image = ax.imshow(paint(tiles, limits, gap), **options)
    _draw_frames(ax, ~np.isnan(tiles.reshape(n_rows, n_columns, -1)[..., 0]), half)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return image


def _draw_frames(ax, shown, half):
    """Frame the tiles thinly: white ones would pass for empty places."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    frames = [
        Rectangle((column - half[0], row - half[1]), 2 * half[0], 2 * half[1])
        for row, column in np.argwhere(shown)
    ]
    outline = {"facecolor": "none", "edgecolor": "0.7", "linewidth": 0.4}
    ax.add_collection(PatchCollection(frames, **outline, clip_on=False))


def paint(tiles, limits, gap=GAP):
    """Make the image that `show_mosaic` draws: colours between 0 and 1, gaps clear."""
    mosaic = make_mosaic(tiles, gap)
    if mosaic.ndim == 2:
        return np.ma.masked_invalid(mosaic)
    low, high = limits
    scaled = np.clip((mosaic - low) / (high - low or 1.0), 0, 1)
    clear = np.isnan(mosaic).any(axis=-1)
    scaled[clear] = 1.0
    return np.dstack([scaled, ~clear])


def _pixels(gap, height, width):
    return max(1, round(gap * max(height, width)))
