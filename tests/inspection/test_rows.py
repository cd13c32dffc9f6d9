"""Images or tables."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sk_bvae import BetaVAE
from sk_bvae.inspection._decoded import (
    as_images,
    check_image_shape,
    find_feature_names,
    find_image_shape,
    value_range,
)


@pytest.mark.parametrize(
    ("n_features", "expected"),
    [(64, (8, 8)), (784, (28, 28)), (4096, (64, 64)), (30, None), (36, None)],
)
def test_square_rows_are_images(n_features, expected):
    assert find_image_shape(None, n_features, None, PCA()) == expected


def test_names_make_a_table_and_shapes_make_an_image(digits, table):
    names = [f"column {number}" for number in range(64)]
    assert find_image_shape(None, 64, names, PCA()) is None
    assert find_image_shape((4, 16), 64, names, PCA()) == (4, 16)
    conv = BetaVAE(image_shape=[3, 4, 5])
    assert find_image_shape(None, 60, None, conv) == (3, 4, 5)
    assert find_image_shape(None, 64, None, conv) == (8, 8)
    named = PCA(2).fit(table)
    assert find_image_shape(None, 64, None, named) is None


def test_channels_come_last_wherever_they_were(rng):
    images = rng.random((2, 5, 4, 6, 3))
    rows = images.reshape(2, 5, -1)
    np.testing.assert_array_equal(as_images(rows, (4, 6, 3)), images)
    first = np.moveaxis(images, -1, -3).reshape(2, 5, -1)
    np.testing.assert_array_equal(as_images(first, (3, 4, 6)), images)


@pytest.mark.parametrize("image_shape", [(4, 6), (1, 4, 6), (4, 6, 1)])
def test_grey_images_have_no_channels(rng, image_shape):
    rows = rng.random((5, 24))
    np.testing.assert_array_equal(as_images(rows, image_shape), rows.reshape(5, 4, 6))


@pytest.mark.parametrize("image_shape", [(24,), (2, 3, 4), (1, 2, 3, 4)])
def test_what_is_no_image(image_shape):
    with pytest.raises(ValueError, match="is no image"):
        check_image_shape(image_shape, 24)


def test_names_of_columns(table):
    assert find_feature_names(None, 2) == ["x0", "x1"]
    assert find_feature_names(["a", "b"], 2) == ["a", "b"]
    assert find_feature_names(None, 30, PCA(2).fit(table)) == list(table.columns)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 0.8], (0, 1)), ([0, 16], (0, 16)), ([-0.5, 0.5], (-0.5, 0.5))],
)
def test_black_and_white(values, expected):
    assert value_range(np.array(values)) == expected
