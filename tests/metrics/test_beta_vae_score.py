"""The beta-VAE score, its classifier and its protocol."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae.metrics import beta_vae_score, higgins_protocol
from sk_bvae.metrics._beta_vae_score import (
    INITIAL_WEIGHTS,
    _draw_points,
    _fit_softmax,
    _predict_softmax,
)
from sk_bvae.metrics._sampling import _RowSampler

QUICK = {"n_train": 300, "n_test": 300, "random_state": 0}
BOTH = pytest.mark.parametrize("classifier", ["adagrad", "logistic_regression"])


def grid(sizes, render=lambda factors: factors / 4.0):
    return SimpleNamespace(factor_sizes=sizes, render=render)


@BOTH
def test_perfect_codes(classifier, factors):
    assert beta_vae_score(factors, factors, classifier=classifier, **QUICK) == 1


@BOTH
def test_perfect_codes_freshly_rendered(classifier):
    data = grid([4, 5, 6])
    assert beta_vae_score(np.negative, data, classifier=classifier, **QUICK) == 1


def test_images_reach_a_transformer_as_rows():
    def render(factors):
        images = np.zeros((len(factors), 6, 4), dtype=np.uint8)
        images[np.arange(len(factors)), :, factors[:, 1]] += 1
        images[np.arange(len(factors)), factors[:, 0]] += 2
        return images

    every = np.stack(np.meshgrid(range(6), range(4)), -1).reshape(-1, 2)
    pca = PCA(8).fit(render(every).reshape(24, 24))
    assert beta_vae_score(pca.transform, grid([6, 4], render), **QUICK) > 0.95


@BOTH
@pytest.mark.parametrize("n_samples", [40, 400])
def test_unrelated_codes_score_chance_however_few_the_rows(classifier, n_samples):
    # Pairs of a row with itself, or test points from training rows, would show here.
    scores = []
    for seed in range(5):
        rng = np.random.RandomState(seed)
        Y = rng.randint([2, 10], size=(n_samples, 2))
        Z = rng.normal(size=(n_samples, 3))
        quick = QUICK | {"random_state": seed}
        scores.append(beta_vae_score(Z, Y, classifier=classifier, **quick))
    assert np.mean(scores) == pytest.approx(0.5, abs=0.15)


def test_factors_asked_for(factors):
    Z = factors[:, :2]
    assert beta_vae_score(Z, factors, factors=[0, 1], **QUICK) == 1
    # With the third among them the first two still show, and it by elimination.
    one_code = factors[:, :1] + 0.0
    assert beta_vae_score(one_code, factors, factors=[0, 2], **QUICK) == 1
    assert beta_vae_score(one_code, factors, factors=[1, 2], **QUICK) < 0.65


def test_factors_not_asked_for_still_vary():
    seen = []

    def transform(samples):
        seen.append(samples)
        return samples

    beta_vae_score(transform, grid([3, 4, 5]), factors=[0, 1], n_train=50, n_test=50)
    assert {len(np.unique(column)) for column in np.vstack(seen).T} == {3, 4, 5}


def test_points_are_mean_absolute_differences_of_pairs_that_agree(factors):
    codes = np.column_stack([factors, np.arange(len(factors))])
    sampler = _RowSampler(codes.astype(float), factors)
    rng = np.random.RandomState(0)
    points, y = _draw_points(sampler, np.array([0, 2]), 200, 7, rng)
    assert points.shape == (200, 4)
    assert np.all(points[y == 0, 0] == 0)
    assert np.all(points[y == 1, 2] == 0)
    assert np.all(points[:, 3] > 0)
    # Mean absolute difference of two uniform draws from 0..m-1: (m^2 - 1) / (3 m)
    assert points[y == 0, 2].mean() == pytest.approx(15 / 12, abs=0.1)
    assert points[:, 1].mean() == pytest.approx(8 / 9, abs=0.1)


def test_a_row_is_never_paired_with_itself():
    Y = np.array([[0], [0], [1], [1], [1], [2]])
    sampler = _RowSampler(np.arange(6.0)[:, None], Y)
    pairs = sampler.draw_sharing(np.zeros(500, dtype=int), 2, np.random.RandomState(0))
    drawn = {tuple(pair) for pair in pairs[..., 0].astype(int)}
    same_value = [(0, 1), (2, 3), (2, 4), (3, 4)]
    assert drawn == {*same_value, *((b, a) for a, b in same_value)}


def test_factor_without_rows_that_agree_is_left_out(factors):
    Y = np.column_stack([factors, np.arange(len(factors))])
    with pytest.warns(UserWarning, match="columns 3 of Y .*too few samples that share"):
        assert beta_vae_score(factors, Y, **QUICK) == 1


def test_one_factor_is_nothing_to_tell_apart(factors):
    with pytest.warns(UserWarning, match=r"two factors .* is NaN\.$"):
        assert np.isnan(beta_vae_score(factors, factors, factors=[1]))
    with pytest.warns(UndefinedMetricWarning) as caught:
        assert np.isnan(beta_vae_score(np.negative, grid([1, 5])))
    assert "columns 0 of Y" in str(caught[0].message)


@pytest.mark.parametrize("bad", [[3], [-1], [0.5, 1.0], [[0, 1]], ["a"]])
def test_factors_that_do_not_exist(bad, factors):
    with pytest.raises(ValueError, match="integers from 0 to 2; got"):
        beta_vae_score(factors, factors, factors=bad)


def test_factors_are_checked_by_name(factors):
    with pytest.raises(ValueError, match="Input factors contains NaN"):
        beta_vae_score(factors, factors, factors=[np.nan])


def test_data_set_that_cannot_render(factors):
    with pytest.raises(
        TypeError,
        match=r"^With a callable .*: an object with a method .* number of values .*Got",
    ):
        beta_vae_score(np.negative, factors)
    for half in (
        SimpleNamespace(render=np.negative),
        SimpleNamespace(factor_sizes=[2]),
    ):
        with pytest.raises(TypeError, match="Got SimpleNamespace"):
            beta_vae_score(np.negative, half)


def test_wide_codes_are_drawn_in_batches(factors):
    wide = np.repeat(factors, 300, axis=1).astype(float)
    assert _RowSampler(wide, factors).samples_at_once < 5000
    assert beta_vae_score(wide, factors, max_iter=100, **QUICK) == 1


STARTS = pytest.mark.parametrize("start", sorted(INITIAL_WEIGHTS))


@STARTS
def test_softmax_takes_adagrad_steps(start):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(50, 2)), rng.randint(3, size=50)

    def loss(weights):
        logits = X @ weights[:2] + weights[2]
        return -log_softmax(logits, axis=1)[np.arange(50), y].mean()

    weights = INITIAL_WEIGHTS[start](2, 3, rng)
    expected, squares = weights.copy(), np.zeros((3, 3))
    for _ in range(3):
        gradient = np.zeros((3, 3))
        for place in np.ndindex(3, 3):
            nudge = np.zeros((3, 3))
            nudge[place] = 1e-6
            rise = loss(expected + nudge) - loss(expected - nudge)
            gradient[place] = rise / 2e-6
        squares += gradient**2
        expected -= 0.01 * gradient / np.sqrt(squares)
    assert _fit_softmax(X, y, weights, 3) == pytest.approx(expected, abs=1e-6)


@STARTS
def test_softmax_learns(start):
    X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 5)
    y = np.array([0, 1, 2] * 5)
    weights = INITIAL_WEIGHTS[start](2, 3, np.random.RandomState(0))
    assert np.array_equal(_predict_softmax(X, _fit_softmax(X, y, weights, 3000)), y)


def test_random_weights_are_a_linear_layers():
    weights = INITIAL_WEIGHTS["random"](100, 50, np.random.RandomState(0))
    assert weights.shape == (101, 50)
    assert 0.099 < np.abs(weights).max() < 0.1
    assert weights.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)


def test_the_start_is_drawn_anew_and_repeatable(factors):
    # After one step the weights are still mostly what they were.
    options = {"initial_weights": "random", "max_iter": 1, "n_test": 2000}
    first, again, other = (
        beta_vae_score(factors, factors, **options, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_protocol_drops_the_worst_half():
    scores = np.random.RandomState(0).random_sample(30)
    kept = np.sort(scores)[15:]
    assert higgins_protocol(scores) == {"mean": kept.mean(), "std": kept.std()}
    assert higgins_protocol([1, 3, 2]) == {"mean": 2.5, "std": 0.5}
    assert higgins_protocol([0.5]) == {"mean": 0.5, "std": 0.0}


def test_protocol_refuses_what_is_not_a_list_of_scores():
    with pytest.raises(ValueError, match=r"one-dimensional.*got \(2, 3\)"):
        higgins_protocol(np.ones((2, 3)))
    with pytest.raises(ValueError, match="scores contains NaN"):
        higgins_protocol([0.5, np.nan])
