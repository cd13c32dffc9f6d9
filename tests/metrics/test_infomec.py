"""Modularity, explicitness and compactness by information."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sk_bvae.metrics import infomec_score
from sk_bvae.metrics._infomec import _concentration, _gains_in_log_loss


@pytest.fixture
def separate(factors):
    """Return codes that know one factor each."""
    return factors + 0.2 * np.random.RandomState(1).random_sample(factors.shape)


def test_separate_codes(separate, factors):
    result = infomec_score(separate, factors, random_state=0)
    assert result.information == pytest.approx(np.eye(3), abs=0.07)
    assert result.modularity > 0.95
    assert result.compactness > 0.95
    assert result.explicitness > 0.99


def test_rotated_codes_are_explicit_only(separate, factors):
    mix = np.linalg.qr(np.random.RandomState(0).normal(size=(3, 3)))[0]
    result = infomec_score((separate - separate.mean(axis=0)) @ mix, factors)
    assert result.modularity < 0.6
    assert result.compactness < 0.6
    assert result.explicitness > 0.99


def test_copies_cost_compactness_only(separate, factors):
    once = infomec_score(separate, factors, random_state=0)
    twice = infomec_score(np.tile(separate, 2), factors, random_state=0)
    assert twice.modularity == pytest.approx(once.modularity, abs=1e-3)
    assert twice.explicitness == pytest.approx(once.explicitness, abs=1e-3)
    # Half of the weight on one of six codes.
    assert twice.compactness == pytest.approx((1 / 2 - 1 / 6) / (5 / 6), abs=0.05)


def test_information_pair_by_pair(codes, factors):
    """As the authors call the estimator: one code and one factor at a time."""
    result = infomec_score(codes, factors, random_state=0)
    for d, k in np.ndindex(4, 3):
        p = np.bincount(factors[:, k]) / len(factors)
        pair = mutual_info_classif(codes[:, [d]], factors[:, k], random_state=1)[0]
        expected = pair / -(p @ np.log(p))
        assert result.information[d, k] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(4, 3), (2, 5), (6, 2)])
def test_concentration_by_definition(shape):
    R = np.random.RandomState(0).random_sample(shape)
    share, even = np.mean(R.max(axis=1) / R.sum(axis=1)), 1 / shape[1]
    expected = (share - even) / (1 - even)
    assert _concentration(R, shape[1]) == pytest.approx(expected)


def test_concentration_at_its_ends():
    assert _concentration(np.eye(4), 4) == 1
    assert _concentration(np.ones((3, 4)), 4) == pytest.approx(0)
    assert _concentration(np.ones((3, 1)), 1) == 1
    assert _concentration(np.zeros((3, 4)), 4) == 0
    assert _concentration(np.array([[1.0, 0.0], [0.0, 0.0]]), 2) == 0.5


@pytest.mark.parametrize("n_classes", [2, 5])
def test_gain_over_a_fit_on_zeros(n_classes):
    """As the authors measure it: against the same regression on nothing."""
    rng = np.random.RandomState(0)
    y = np.minimum(rng.geometric(0.4, size=500), n_classes)
    Z = y[:, None] * [1.0, -0.3] + rng.normal(size=(500, 2))
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    model = LogisticRegression(C=np.inf, class_weight="balanced")
    of_codes, of_nothing = (
        log_loss(y, model.fit(X, y).predict_proba(X)) for X in (Z, np.zeros_like(Z))
    )
    gain = _gains_in_log_loss(Z, y[:, None])
    assert gain == pytest.approx([1 - of_codes / of_nothing], abs=1e-9)


def test_more_than_100_steps_are_cut_off_in_silence(separate, factors):
    Z = separate[:, [0]] + 1e-3 * separate
    filters = list(warnings.filters)
    infomec_score(Z, factors, random_state=0)  # raises if anything warns
    assert warnings.filters == filters


def test_active_codes(separate, factors):
    widest = np.ptp(separate, axis=0).max()
    noise = np.linspace(0, 1, len(factors))[:, None]
    Z = np.hstack([separate, noise * widest * 0.124, noise * widest * 0.126])
    result = infomec_score(Z, factors, random_state=0)
    assert result.active.tolist() == [True, True, True, False, True]
    assert not result.information[3].any()
    assert result.information[4].any()
    rest = infomec_score(np.delete(Z, 3, axis=1), factors, random_state=0)
    assert result.compactness == pytest.approx(rest.compactness, abs=1e-6)
    assert result.modularity == pytest.approx(rest.modularity, abs=1e-6)


def test_an_inactive_code_can_be_read_all_the_same(separate, factors):
    small = separate * [1, 0.01, 1]
    result = infomec_score(small, factors, random_state=0)
    assert not result.active[1]
    assert result.compactness < 0.7  # a factor that no active code knows
    whole = infomec_score(separate, factors, random_state=0)
    assert result.explicitness == pytest.approx(whole.explicitness, abs=1e-6)


def test_one_active_code_and_one_factor(separate, factors):
    result = infomec_score(separate[:, :1], factors[:, :1], random_state=0)
    assert (result.modularity, result.compactness) == (1, 1)


def test_factors_left_out(separate, factors):
    Y = np.column_stack([np.full(300, 7), factors[:, 1], np.arange(300)])
    with pytest.warns(UndefinedMetricWarning, match=r"columns 0, 2 of Y hold a single"):
        result = infomec_score(separate, Y, random_state=0)
    alone = infomec_score(separate, factors[:, [1]], random_state=0)
    assert np.isnan(result.information[:, [0, 2]]).all()
    assert result.explicitness == alone.explicitness
    assert result.compactness == pytest.approx(alone.compactness, abs=1e-6)


def test_no_factor_remains(separate):
    with pytest.warns(UndefinedMetricWarning, match="no factor remains"):
        result = infomec_score(separate, np.ones((300, 2), dtype=int))
    scores = result.modularity, result.explicitness, result.compactness
    assert np.isnan(scores).all()
