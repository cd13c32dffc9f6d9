"""The mutual information matrix, and the two metrics made of it."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from sk_bvae.metrics import modularity_score, mutual_info_gap, mutual_info_matrix


def per_pair(Z, Y, n_bins=20):
    """Transcribe the definition: one call of scikit-learn for each pair."""
    out = np.empty((Z.shape[1], Y.shape[1]))
    for d, z in enumerate(Z.T):
        bins = np.digitize(z, np.histogram(z, n_bins)[1][:-1])
        for k, y in enumerate(Y.T):
            out[d, k] = mutual_info_score(bins, y)
    return out


@pytest.mark.parametrize("n_samples", [2, 3, 19, 500])
@pytest.mark.parametrize("n_bins", [2, 20, 33])
def test_equals_scikit_learn(n_samples, n_bins):
    rng = np.random.RandomState(n_samples)
    Y = rng.randint([2, 7, 40], size=(n_samples, 3))
    smooth = rng.normal(size=(n_samples, 2)) + Y[:, :1]
    # Whole numbers fall on the edges of bins.
    Z = np.column_stack([smooth, Y[:, 2], 1e6 + Y[:, 1], 1e-9 * smooth[:, 0]])
    assert mutual_info_matrix(Z, Y, n_bins=n_bins) == pytest.approx(
        per_pair(Z, Y, n_bins), abs=1e-12
    )


def test_factors_are_never_binned():
    Y = np.arange(4000).reshape(-1, 1) % 40
    halves = Y % 2
    information = mutual_info_matrix(halves, Y)
    assert information == pytest.approx(np.log(2), abs=1e-12)
    # Forty values in twenty bins would lose one bit, and reach log(40) never.
    assert mutual_info_matrix(Y, Y, n_bins=40) == pytest.approx(np.log(40), abs=1e-12)


def test_dead_code_has_exactly_none(factors):
    Z = np.full((len(factors), 1), 0.1)
    assert np.all(mutual_info_matrix(Z, factors) == 0)
    assert modularity_score(Z, factors) == 0
    assert mutual_info_gap(Z, factors) == 0


def test_independent_code_on_a_balanced_grid_is_dead():
    Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    xor = (Y[:, :1] + Y[:, 1:]) % 2
    assert np.all(mutual_info_matrix(xor, Y) == 0)
    assert modularity_score(xor, Y) == 0


def test_perfect_and_unrelated_codes(factors):
    assert mutual_info_gap(-3.0 * factors, factors) == pytest.approx(1, abs=0.03)
    assert modularity_score(-3.0 * factors, factors) == pytest.approx(1, abs=0.01)
    noise = np.random.RandomState(5).normal(size=(20_000, 3))
    Y = np.random.RandomState(6).randint(5, size=(20_000, 3))
    assert mutual_info_gap(noise, Y) < 0.002


def test_gap_of_one_code_is_to_nothing(codes, factors):
    one = codes[:, :1]
    with_dead = np.column_stack([one, np.ones(len(one))])
    assert mutual_info_gap(one, factors) == mutual_info_gap(with_dead, factors)
    known = mutual_info_matrix(one, factors)[0]
    entropy = np.diag(mutual_info_matrix(factors, factors))
    assert mutual_info_gap(one, factors) == pytest.approx(np.mean(known / entropy))


def test_gap_by_hand():
    # Two codes for one factor of three classes: one tells all, one tells 2 from 0, 1.
    Y = np.array([[0], [1], [2]])
    Z = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]])
    one_against_two = np.log(3) - 2 / 3 * np.log(2)
    assert mutual_info_gap(Z, Y) == pytest.approx(1 - one_against_two / np.log(3))


def test_modularity_by_hand():
    # Two independent bits in one code of four values: as much of one as of the other.
    Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert modularity_score(Y @ [[2.0], [1.0]], Y) == pytest.approx(0)
    assert modularity_score(Y[:, :1], Y) == 1
    with_dead = np.column_stack([Y, np.zeros((4, 2))])
    assert modularity_score(with_dead, Y) == 0.5


def test_modularity_of_a_single_factor(codes, factors):
    assert modularity_score(codes, factors[:, :1]) == 1


def test_n_bins_is_checked(codes, factors):
    with pytest.raises(ValueError, match="'n_bins' parameter of mutual_info_gap"):
        mutual_info_gap(codes, factors, n_bins=1)
