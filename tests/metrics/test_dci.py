"""Disentanglement, completeness and informativeness."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier

from sk_bvae.metrics import dci_score
from sk_bvae.metrics._dci import _concentration


def test_perfect_codes(factors):
    result = dci_score(-2.0 * factors, factors, random_state=0)
    assert result.disentanglement == pytest.approx(1, abs=1e-9)
    assert result.completeness == pytest.approx(1, abs=1e-9)
    assert result.informativeness == 1
    assert result.importances == pytest.approx(np.eye(3), abs=1e-9)


def test_unrelated_codes(factors):
    noise = np.random.RandomState(1).normal(size=factors.shape)
    result = dci_score(noise, factors[:, :2], random_state=0)
    assert result.disentanglement < 0.1
    assert result.completeness < 0.1
    assert result.informativeness < 0.6


def test_duplicated_codes_cost_completeness(factors):
    # Equal codes gain equally at every split, so that either may get the importance.
    noise = 0.01 * np.random.RandomState(1).normal(size=(len(factors), 6))
    Z = np.hstack([factors[:, 2:]] * 6) + noise
    result = dci_score(Z, factors[:, 2:], random_state=0)
    assert result.disentanglement == 1
    assert result.completeness < 0.9


@pytest.mark.parametrize("shape", [(4, 3), (2, 5), (6, 2)])
def test_concentration_by_definition(shape):
    R = np.random.RandomState(0).random_sample(shape)
    per_row = 1 - entropy(R.T, base=shape[1])
    expected = per_row @ (R.sum(axis=1) / R.sum())
    assert _concentration(R) == pytest.approx(expected)


def test_concentration_at_its_ends():
    assert _concentration(np.eye(4)) == 1
    assert _concentration(np.ones((3, 4))) == pytest.approx(0)
    assert _concentration(np.zeros((3, 4))) == 0
    assert _concentration(np.ones((3, 1))) == 1
    half = [[1, 0], [0, 0], [0.5, 0.5]]
    assert _concentration(np.array(half)) == pytest.approx(0.5)


def test_jobs_do_not_change_the_result(codes, factors):
    codes, factors = codes[:60], factors[:60, :2]
    one, two = (
        dci_score(codes, factors, random_state=0, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert np.array_equal(one.importances, two.importances)
    assert one.informativeness == two.informativeness


class Rounded(GradientBoostingClassifier):
    """Trees whose importances came out a little below 0."""

    feature_importances_ = np.array([1.0, -1e-17, 0.0, 0.0])


def test_importances_that_rounding_made_negative(codes, factors, monkeypatch):
    monkeypatch.setattr("sk_bvae.metrics._dci.GradientBoostingClassifier", Rounded)
    result = dci_score(codes, factors)
    assert result.importances.min() == 0
    assert result.disentanglement == pytest.approx(0)
    assert result.completeness == 1


def test_factor_left_out_has_no_importances(codes, factors):
    Y = np.insert(factors[:, :1], 0, 1, axis=1)
    with pytest.warns(UserWarning, match="^dci_score: .*columns 0 of Y"):
        result = dci_score(codes, Y, random_state=0)
    assert np.isnan(result.importances[:, 0]).all()
    assert result.importances[:, 1].sum() == pytest.approx(1)
