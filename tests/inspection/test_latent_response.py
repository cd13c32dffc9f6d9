"""Latents as functions of the factors."""

import itertools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sk_bvae.datasets import make_blobs2d, make_shapes2d
from sk_bvae.inspection import LatentResponseDisplay


class Oracle(TransformerMixin, BaseEstimator):
    """Codes that are known functions of shapes: area, and centre of mass."""

    def __init__(self, image_size):
        self.image_size = image_size

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        images = X.reshape(-1, self.image_size, self.image_size).astype(float)
        area = images.sum(axis=(1, 2))
        pixels = np.arange(self.image_size) / self.image_size
        x = (images.sum(axis=1) @ pixels) / area
        y = (images.sum(axis=2) @ pixels) / area
        return np.column_stack([x, y, area])


@pytest.fixture(scope="module")
def display():
    shapes = make_shapes2d(
        400, image_size=32, n_orientations=5, n_positions=6, random_state=0
    )
    oracle = Oracle(32).fit(shapes.data)
    return LatentResponseDisplay.from_estimator(
        oracle, shapes, latents=[0, 1, 2], n_images=5000, random_state=0
    )


def test_maps_have_x_across_and_y_down(display):
    across, down, area = display.position
    assert (np.diff(across, axis=1) > 0.1).all()
    assert np.abs(np.diff(across, axis=0)).max() < 0.1
    assert (np.diff(down, axis=0) > 0.1).all()
    assert np.abs(np.diff(down, axis=1)).max() < 0.1
    assert np.ptp(area) < 0.3


def test_curves_are_means_by_shape(display):
    x, _, area = display.curves["scale"]
    assert x.shape == (3, 6)
    assert np.ptp(x) < 0.1
    assert (np.diff(area, axis=1) > 0.1).all()
    square, ellipse, heart = area
    assert (square > ellipse).all()
    assert (ellipse > heart).all()
    assert np.ptp(display.curves["orientation"][2], axis=1).max() < 0.3


def test_means_over_all_contexts_are_exact():
    shapes = make_shapes2d(
        None, image_size=16, n_scales=2, n_orientations=2, n_positions=2
    )
    oracle = Oracle(16).fit(shapes.data)
    display = LatentResponseDisplay.from_estimator(
        oracle, shapes, latents=[0, 1, 2], n_images=20_000, random_state=0
    )
    codes = StandardScaler().fit_transform(oracle.transform(shapes.data))
    # by shape, scale, orientation, position in x and in y
    grid = codes.reshape(3, 2, 2, 2, 2, 3)
    for drawn, expected in [
        (display.position, grid.mean(axis=(0, 1, 2)).T),
        (display.curves["scale"], grid.mean(axis=(2, 3, 4)).transpose(2, 0, 1)),
        (display.curves["orientation"], grid.mean(axis=(1, 3, 4)).transpose(2, 0, 1)),
    ]:
        assert drawn.shape == expected.shape
        np.testing.assert_allclose(drawn, expected, atol=0.02)


def test_means_do_not_depend_on_how_many_images_fit(shapes, monkeypatch):
    pca = PCA(3).fit(shapes.data)
    options = {"n_images": 400, "random_state": 0}
    one = LatentResponseDisplay.from_estimator(pca, shapes, **options)
    monkeypatch.setattr("sk_bvae.inspection._latent_response.BLOCK_IMAGES", 50)
    other = LatentResponseDisplay.from_estimator(pca, shapes, **options)
    for name, curves in one.curves.items():
        np.testing.assert_allclose(curves, other.curves[name], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(one.position, other.position, rtol=1e-6, atol=1e-6)


def test_what_is_drawn(display):
    display.plot(im_kw={"cmap": "magma"}, line_kw={"lw": 2})
    assert display.axes_.shape == (3, 3)
    for row in range(3):
        np.testing.assert_array_equal(
            display.im_[row].get_array(), display.position[row]
        )
        for name, curves in display.curves.items():
            for line, curve in zip(display.lines_[name][row], curves[row], strict=True):
                np.testing.assert_array_equal(line.get_ydata(), curve)
                np.testing.assert_array_equal(
                    line.get_xdata(), display.factor_values[name]
                )
                assert line.get_linewidth() == 2
    assert display.im_[0].get_cmap().name == "magma"
    low, high = display.im_[0].get_clim()
    assert -low == high >= np.abs(display.position).max()
    assert {ax.get_ylim() for ax in display.axes_[:, 1:].flat} == {
        display.axes_[0, 1].get_ylim()
    }
    titles = [ax.get_title() for ax in display.axes_[0]]
    assert titles == ["position", "scale", "orientation"]
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert legend == ["square", "ellipse", "heart"]


@pytest.mark.parametrize("n_latents", [5, 10, 32, 48])
def test_labels_do_not_overlap(n_latents, rng):
    drawn = LatentResponseDisplay(
        rng.normal(size=(n_latents, 4, 4)),
        {"scale": rng.normal(size=(n_latents, 2, 6))},
        factor_values={"scale": np.linspace(0.5, 1, 6)},
        latent_names=[f"z{column}  1.25 nats" for column in range(n_latents)],
        shape_names=["square", "heart"],
    ).plot()
    renderer = drawn.figure_.canvas.get_renderer()
    drawn.figure_.draw(renderer)
    labels = [ax.yaxis.label for ax in drawn.axes_[:, 0]]
    ticks = [*drawn.axes_[-1, 1].get_yticklabels()]
    for group in (labels, ticks):
        boxes = [label.get_window_extent(renderer) for label in group]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_blobs_have_nothing_but_a_position():
    blobs = make_blobs2d(200, image_size=16, n_positions=4, random_state=0)
    pca = PCA(2).fit(blobs.data)
    display = LatentResponseDisplay.from_estimator(pca, blobs, random_state=0)
    assert display.position.shape == (2, 4, 4)
    assert display.curves == {}
    assert display.axes_.shape == (2, 1)
    # no other factor: each point is one image
    codes = pca.transform(blobs.render([[3, 1]]).reshape(1, -1))[0]
    np.testing.assert_allclose(
        display.position[:, 1, 3], codes / np.sqrt(pca.explained_variance_), rtol=1e-4
    )


def make_stripes(factor_names):
    """Rows of two pixels: the classes of two factors."""
    return Bunch(
        data=np.eye(2),
        render=lambda factors: np.asarray(factors, dtype=float)[:, None],
        factor_names=factor_names,
        factor_sizes=[2, 3],
        factor_values=[np.array(["a", "b"]), np.array([0, 1, 2])],
    )


def test_factors_of_any_name_are_drawn():
    stripes = make_stripes(["shape", "hue"])
    pca = PCA(2).fit([[-1.0, 0], [1, 0], [0, -1], [0, 1]])
    display = LatentResponseDisplay.from_estimator(pca, stripes, random_state=0)
    assert display.position is None
    assert display.axes_.shape == (2, 1)
    codes = pca.transform([[shape, hue] for shape in (0, 1) for hue in (0, 1, 2)])
    codes /= np.sqrt(pca.explained_variance_)
    np.testing.assert_allclose(display.curves["hue"], codes.T.reshape(2, 2, 3))
    with pytest.raises(ValueError, match="no factor to draw"):
        LatentResponseDisplay.from_estimator(pca, make_stripes(["shape"]))


def test_data_must_be_rendered(shapes):
    with pytest.raises(ValueError, match="data has no render, factor_names"):
        LatentResponseDisplay.from_estimator(PCA(2).fit(shapes.data), load_iris())
    with pytest.raises(NotFittedError):
        LatentResponseDisplay.from_estimator(PCA(2), shapes)
