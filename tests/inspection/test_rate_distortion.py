"""Reconstruction against KL."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.inspection import RateDistortionDisplay
from sk_bvae.inspection._rate_distortion import find_crowds
from sk_bvae.model_selection import ReplicaGridSearch

FAST = {
    "hidden_layer_sizes": (8,),
    "max_iter": 2,
    "init": "random",
    "early_stopping": False,
}
KL = np.array([[1.0, 3.0], [8.0, 12.0], [4.0, np.nan]])
RECONSTRUCTION = np.array([[20.0, 22.0], [5.0, 7.0], [10.0, np.nan]])


@pytest.fixture(scope="module")
def search(digits):
    return ReplicaGridSearch(
        BetaVAE(**FAST),
        {"beta": [4.0, 0.5], "n_components": [2, 3]},
        n_replicas=2,
        scoring="elbo",
        random_state=0,
    ).fit(digits[:300])


def test_a_search_is_read(search):
    display = RateDistortionDisplay.from_estimator(search, param_name="beta")
    results = search.cv_results_
    np.testing.assert_allclose(display.kl.mean(axis=1), results["mean_kl"])
    np.testing.assert_array_equal(
        display.reconstruction[:, 1], results["replica1_reconstruction"]
    )
    assert list(display.values) == [4, 4, 0.5, 0.5]
    assert list(display.groups) == ["n_components=2", "n_components=3"] * 2
    for line, rows in zip(display.lines_, [[2, 0], [3, 1]], strict=True):
        np.testing.assert_allclose(line.get_xdata(), results["mean_kl"][rows])
        np.testing.assert_allclose(
            line.get_ydata(), results["mean_reconstruction"][rows]
        )
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["n_components=2", "n_components=3"]
    along = RateDistortionDisplay.from_estimator(search, param_name="n_components")
    assert along.groups == ["beta=4.0", "beta=4.0", "beta=0.5", "beta=0.5"]


def test_the_first_weight_that_varied_is_followed(search, monkeypatch):
    monkeypatch.setattr(BetaVAE, "weights", ("alpha", "beta"), raising=False)
    assert RateDistortionDisplay.from_estimator(search).param_name == "beta"
    monkeypatch.setattr(BetaVAE, "weights", ("n_components", "beta"), raising=False)
    assert RateDistortionDisplay.from_estimator(search).param_name == "n_components"
    monkeypatch.setattr(BetaVAE, "weights", ("alpha",), raising=False)
    with pytest.raises(ValueError, match="set beta, n_components, and no weight"):
        RateDistortionDisplay.from_estimator(search)


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (BetaVAE(2, **FAST), {"beta": [4, 1]}),
        (CapacityVAE(2, **FAST), {"gamma": [10, 100]}),
        (BetaVAE(**FAST), {"n_components": [3, 2]}),
    ],
)
def test_the_only_parameter_is_followed(estimator, grid, digits):
    search = ReplicaGridSearch(
        estimator, grid, n_replicas=1, scoring="elbo", random_state=0
    ).fit(digits[:100])
    display = RateDistortionDisplay.from_estimator(search)
    ((name, values),) = grid.items()
    assert display.param_name == name
    assert list(display.values) == values
    assert display.groups is None


def test_only_numbers_can_be_followed(digits):
    search = ReplicaGridSearch(
        BetaVAE(2, max_iter=1),
        {"hidden_layer_sizes": [(8,), (4,)]},
        n_replicas=1,
        scoring="elbo",
        random_state=0,
    ).fit(digits[:100])
    with pytest.raises(ValueError, match="'hidden_layer_sizes' are not numbers"):
        RateDistortionDisplay.from_estimator(search)


def test_replicas_are_dots_and_failed_ones_are_left_out():
    display = RateDistortionDisplay(KL, RECONSTRUCTION, values=[16, 1, 4]).plot(lw=3)
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_xdata(), [10, 4, 2])
    np.testing.assert_allclose(line.get_ydata(), [6, 10, 21])
    assert line.get_linewidth() == 3
    dots = np.ma.filled(display.dots_[0].get_offsets(), np.nan)
    dots = dots[np.isfinite(dots).all(axis=1)]
    assert sorted(map(tuple, dots)) == [(1, 20), (3, 22), (4, 10), (8, 5), (12, 7)]
    labels = {text.get_text(): text.xy for text in display.text_}
    assert labels == {"1": (10, 6), "4": (4, 10), "16": (2, 21)}
    assert display.ax_.get_legend() is None
    assert display.ax_.get_title() == "labels: beta"


def test_a_candidate_whose_fits_all_failed_has_no_point():
    kl = np.array([[1.0], [np.nan]])
    display = RateDistortionDisplay(kl, kl, values=[1, 2]).plot()
    assert [text.get_text() for text in display.text_] == ["1"]


def test_labels_that_would_overlap_are_one():
    kl = np.array([[10], [5], [0.02], [0.01], [0.0], [0.0]])
    display = RateDistortionDisplay(
        kl, 20 - kl, values=[0.5, 1, 4, 16, 64, 256], param_name="beta"
    ).plot()
    written = {text.get_text() for text in display.text_}
    assert written == {"0.5", "1", "4 to 256"}
    renderer = display.figure_.canvas.get_renderer()
    display.figure_.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in display.text_]
    assert not any(
        boxes[a].overlaps(boxes[b]) for a in range(3) for b in range(3) if a != b
    )


def test_crowds():
    points = np.array([[0, 0], [0.9, 0], [5, 5], [1.7, 0.5]])
    crowds = {tuple(crowd) for crowd in find_crowds(points)}
    assert crowds == {(0, 1, 3), (2,)}
    assert [crowd.tolist() for crowd in find_crowds(points[:1])] == [[0]]
    assert find_crowds(points[:0]) == []


def test_what_is_no_search_of_this_kind(digits, search):
    with pytest.raises(TypeError, match="PCA has no cv_results_"):
        RateDistortionDisplay.from_estimator(PCA().fit(digits))
    other = GridSearchCV(PCA(), {"n_components": [1, 2]}, cv=2).fit(digits)
    with pytest.raises(TypeError, match="hold no KL"):
        RateDistortionDisplay.from_estimator(other)
    with pytest.raises(NotFittedError):
        RateDistortionDisplay.from_estimator(ReplicaGridSearch(BetaVAE(), {}))
    with pytest.raises(ValueError, match=r"'gamma' .* but beta, n_components"):
        RateDistortionDisplay.from_estimator(search, param_name="gamma")
