"""Images side by side."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sk_bvae.inspection._mosaic import make_mosaic, paint, show_mosaic, wrap


def test_tiles_stand_where_they_belong(rng):
    tiles = rng.random((2, 3, 4, 5))
    mosaic = make_mosaic(tiles)
    assert mosaic.shape == (2 * 4 + 1, 3 * 5 + 2)
    np.testing.assert_array_equal(mosaic[5:9, 6:11], tiles[1, 1])
    assert np.isnan(mosaic[4]).all()
    assert np.isnan(mosaic[:, [5, 11]]).all()
    assert np.isnan(mosaic).sum() == mosaic.size - tiles.size


def test_centres_of_tiles_are_whole_numbers(rng):
    _, ax = plt.subplots()
    tiles = rng.random((2, 3, 4, 5))
    image = show_mosaic(ax, tiles, (0, 1), {})
    left, right, bottom, top = image.get_extent()
    n_down, n_across = image.get_array().shape
    # pixel centres: left + (right - left) (p + 1/2) / n
    first = left + (right - left) * 2.5 / n_across
    last = left + (right - left) * (n_across - 2.5) / n_across
    np.testing.assert_allclose([first, last], [0, 2], atol=1e-12)
    first = top + (bottom - top) * 2 / n_down
    last = top + (bottom - top) * (n_down - 2) / n_down
    np.testing.assert_allclose([first, last], [0, 1], atol=1e-12)
    # a pixel is as wide as it is high
    assert ax.get_aspect() == pytest.approx(
        (right - left) / n_across / ((bottom - top) / n_down)
    )


def test_colours_are_scaled_and_gaps_are_clear(rng):
    tiles = 255 * rng.random((1, 2, 4, 5, 3))
    tiles[0, 0, 0, 0] = [-20, 0, 300]
    painted = paint(tiles, (0, 255))
    np.testing.assert_allclose(painted[0, 0], [0, 0, 1, 1])
    np.testing.assert_allclose(painted[1, 1, :3], tiles[0, 0, 1, 1] / 255)
    assert (painted[:, 5, 3] == 0).all()
    assert (np.delete(painted, 5, axis=1)[..., 3] == 1).all()


def test_places_after_the_last_are_empty(rng):
    images = rng.random((5, 4, 4))
    tiles = wrap(images)
    assert tiles.shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(tiles[1, 1], images[4])
    assert np.isnan(tiles[1, 2]).all()
