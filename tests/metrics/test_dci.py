"""Disentanglement, completeness and informativeness."""

import re

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from sk_bvae.metrics import dci_score
from sk_bvae.metrics._dci import _concentration
from sk_bvae.utils._random import draw_seeds


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


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_jobs_do_not_change_the_result(backend, codes, factors):
    forest = RandomForestClassifier(10)
    one = dci_score(codes, factors, estimator=forest, random_state=0)
    with parallel_config(backend):
        two = dci_score(codes, factors, estimator=forest, random_state=0, n_jobs=2)
    assert np.array_equal(one.importances, two.importances)
    assert one.informativeness == two.informativeness


def test_the_factor_of_most_classes_starts_first(codes, factors, capsys):
    dci_score(codes, factors, estimator=DecisionTreeClassifier(), verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [re.search(r"column (\d) of Y, total= ", line)[1] for line in lines] == list(
        "210"
    )


def test_silence(codes, factors, capsys):
    dci_score(codes, factors, estimator=DecisionTreeClassifier())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "forest", [RandomForestClassifier(20), ExtraTreesClassifier(20, max_depth=3)]
)
def test_importances_of_a_forest(forest, codes, factors):
    result = dci_score(codes, factors, estimator=forest, shuffle=False, random_state=0)
    seeds = draw_seeds(0, 3)
    split = train_test_split(codes, factors, test_size=0.5, shuffle=False)
    for k, seed in enumerate(seeds):
        fitted = (
            clone(forest).set_params(random_state=seed).fit(split[0], split[2].T[k])
        )
        assert result.importances[:, k] == pytest.approx(fitted.feature_importances_)
    assert not hasattr(forest, "classes_")
    assert forest.random_state is None


def test_a_seed_of_the_estimator_is_kept(codes, factors):
    forest = RandomForestClassifier(3, random_state=7)
    one, two = (
        dci_score(codes, factors, estimator=forest, shuffle=False, random_state=seed)
        for seed in (0, 1)
    )
    assert np.array_equal(one.importances, two.importances)


class Counting(DecisionTreeClassifier):
    """A tree that counts its importances, as gradient boosting elsewhere does."""

    @property
    def feature_importances_(self):
        return 10 * len(self.classes_) * super().feature_importances_


def test_every_factor_weighs_the_same(codes, factors):
    shares, counts = (
        dci_score(codes, factors, estimator=tree, random_state=0)
        for tree in (DecisionTreeClassifier(), Counting())
    )
    assert counts.importances == pytest.approx(shares.importances)
    assert counts.disentanglement == pytest.approx(shares.disentanglement)


def test_estimators_without_importances_are_refused(codes, factors):
    with pytest.raises(TypeError, match=r"^dci_score .* as .*LinearDisc.* has none"):
        dci_score(codes, factors, estimator=LinearDiscriminantAnalysis())
    with pytest.raises(TypeError, match="RandomForestRegressor is none"):
        dci_score(codes, factors, estimator=RandomForestRegressor())
    with pytest.raises(ValueError, match="'estimator' parameter of dci_score"):
        dci_score(codes, factors, estimator="forest")


class Rounded(DecisionTreeClassifier):
    """A tree whose importances came out a little below 0."""

    feature_importances_ = np.array([1.0, -1e-17, 0.0, 0.0])


def test_importances_that_rounding_made_negative(codes, factors):
    result = dci_score(codes, factors, estimator=Rounded())
    assert result.importances.min() == 0
    assert result.disentanglement == pytest.approx(0)
    assert result.completeness == 1


def test_factor_left_out_has_no_importances(codes, factors):
    Y = np.insert(factors[:, :1], 0, 1, axis=1)
    with pytest.warns(UserWarning, match=r"^dci_score: .*columns 0 of Y"):
        result = dci_score(codes, Y, random_state=0)
    assert np.isnan(result.importances[:, 0]).all()
    assert result.importances[:, 1].sum() == pytest.approx(1)
