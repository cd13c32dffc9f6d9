import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_bvae.datasets import make_blobs2d


def test_bunch():
    blobs = make_blobs2d(20, random_state=0)
    assert blobs.data.shape == (20, 1024)
    assert blobs.data.dtype == np.float32
    assert np.shares_memory(blobs.data, blobs.images)
    assert blobs.target.shape == (20, 2)
    assert blobs.factor_sizes == [len(v) for v in blobs.factor_values] == [32, 32]
    assert blobs.factor_names == ["position_x", "position_y"]
    assert "Gaussian" in blobs.DESCR
    assert_array_equal(blobs.render(blobs.target), blobs.images)


def test_grid_is_in_mixed_radix_order():
    blobs = make_blobs2d(None, n_positions=5)
    assert_array_equal(blobs.target, np.indices((5, 5)).reshape(2, -1).T)


@pytest.mark.parametrize("image_size", [32, 64])
def test_each_blob_is_a_gaussian_at_its_center(image_size):
    std = 0.08
    blobs = make_blobs2d(None, image_size=image_size, std=std, n_positions=4)
    y, x = (np.indices((image_size, image_size)) + 0.5) / image_size
    for image, (right, down) in zip(blobs.images, blobs.target, strict=True):
        center_x, center_y = blobs.factor_values[0][right], blobs.factor_values[1][down]
        distance = (x - center_x) ** 2 + (y - center_y) ** 2
        assert_allclose(image, np.exp(-distance / (2 * std**2)), atol=1e-6)


def test_values_lie_in_the_unit_interval_and_fade_at_the_border():
    images = make_blobs2d(None).images
    assert images.min() >= 0
    assert 0.9 < images.max() <= 1
    assert images[:, [0, -1]].max() < 0.03
    assert images[:, :, [0, -1]].max() < 0.03


def test_random_state():
    first, again, other = (make_blobs2d(9, random_state=s).target for s in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_return_X_y():
    X, y = make_blobs2d(9, random_state=0, return_X_y=True)
    assert_array_equal(X, make_blobs2d(9, random_state=0).data)
    assert y.shape == (9, 2)


def test_render_can_be_pickled():
    render = make_blobs2d(1).render
    copy = pickle.loads(pickle.dumps(render))
    assert_array_equal(copy([[0, 31]]), render([[0, 31]]))


def test_bad_factors():
    with pytest.raises(ValueError, match="position_y has the classes 0 to 31; got 32"):
        make_blobs2d(1).render([[0, 32]])


@pytest.mark.parametrize(
    "params", [{"n_samples": 0}, {"image_size": 4}, {"std": 0}, {"std": 0.2}]
)
def test_bad_parameters_are_named(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of make_blobs2d"):
        make_blobs2d(**params)
