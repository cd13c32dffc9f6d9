"""Images or tables, as the displays of decoded rows tell them apart."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_bvae.inspection import ReconstructionDisplay


def show(rows, **known):
    rows = np.asarray(rows)
    return ReconstructionDisplay.from_arrays(rows, rows, **known)


@pytest.mark.parametrize(
    ("n_features", "expected"),
    [(64, (8, 8)), (784, (28, 28)), (4096, (64, 64)), (30, None), (36, None)],
)
def test_square_rows_are_images(n_features, expected, rng):
    rows = rng.random((2, n_features))
    assert show(rows).image_shape == expected
    pca = PCA(1).fit(rows)
    assert ReconstructionDisplay.from_estimator(pca, rows).image_shape == expected


def test_names_make_a_table_and_shapes_make_an_image(rng):
    rows = rng.random((2, 64))
    names = [f"column {number}" for number in range(64)]
    assert show(rows, feature_names=names).image_shape is None
    both = show(rows, feature_names=names, image_shape=[4, 16])
    assert both.image_shape == (4, 16)
    frame = pd.DataFrame(rows, columns=names)
    scaler = StandardScaler().fit(frame)
    assert ReconstructionDisplay.from_estimator(scaler, frame).image_shape is None


def test_a_model_of_images_knows_their_shape(rng):
    model = FunctionTransformer()
    model.image_shape = [3, 4, 5]
    display = ReconstructionDisplay.from_estimator(model, rng.random((2, 60)))
    assert display.image_shape == (3, 4, 5)
    # what it decodes in a Pipeline need not have that shape
    display = ReconstructionDisplay.from_estimator(model, rng.random((2, 64)))
    assert display.image_shape == (8, 8)


def test_channels_come_last_wherever_they_were(rng):
    images = rng.random((2, 4, 6, 3))
    last, first = images, np.moveaxis(images, -1, 1)
    for rows, image_shape in [(last, (4, 6, 3)), (first, (3, 4, 6))]:
        display = show(rows.reshape(2, -1), image_shape=image_shape)
        drawn = display.im_.get_array()[:4, :, :3]
        np.testing.assert_allclose(drawn[:, :6], images[0])
        np.testing.assert_allclose(drawn[:, 7:], images[1])


@pytest.mark.parametrize("image_shape", [(4, 6), (1, 4, 6), (4, 6, 1)])
def test_grey_images_have_no_channels(rng, image_shape):
    rows = rng.random((5, 24))
    drawn = show(rows, image_shape=image_shape).im_.get_array()
    assert drawn.shape == (2 * 4 + 1, 5 * 6 + 4)
    np.testing.assert_array_equal(drawn[:4, 7:13], rows[1].reshape(4, 6))


@pytest.mark.parametrize("image_shape", [(24,), (2, 3, 4), (1, 2, 3, 4)])
def test_what_is_no_image(image_shape, rng):
    with pytest.raises(ValueError, match="is no image"):
        show(rng.random((2, 24)), image_shape=image_shape)


def test_names_of_columns(table, rng):
    rows = rng.random((3, 2))
    assert show(rows).feature_names == ["x0", "x1"]
    assert show(rows, feature_names=("a", "b")).feature_names == ["a", "b"]
    display = ReconstructionDisplay.from_estimator(PCA(2).fit(table), table)
    assert display.feature_names == list(table.columns)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 0.8], (0, 1)), ([0, 16], (0, 16)), ([-0.5, 0.5], (-0.5, 0.5))],
)
def test_black_and_white(values, expected):
    display = show(np.resize(values, (2, 64)))
    assert display.pixel_range == expected
    assert display.im_.get_clim() == expected
