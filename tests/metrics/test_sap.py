"""The SAP score and its one-feature support vector machines."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from sk_bvae.metrics import sap_score
from sk_bvae.metrics._linear_svc import (
    _fit_linear_svc,
    _newton,
    _predict_linear_svc,
)


def objective(x, classes, n_classes, C, weights, intercepts):
    """Transcribe what LinearSVC minimises, for each class against the rest."""
    balanced = len(x) / (n_classes * np.bincount(classes))
    values = []
    for k in range(n_classes):
        sign = np.where(classes == k, 1, -1)
        rest = balanced[1 - k] if n_classes == 2 else 1
        strength = C * np.where(classes == k, balanced[k], rest)
        slack = np.maximum(0, 1 - sign * (weights[k] * x + intercepts[k]))
        penalty = (weights[k] ** 2 + intercepts[k] ** 2) / 2
        values.append(penalty + (strength * slack**2).sum())
    return np.array(values)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_is_the_minimum_that_linear_svc_looks_for(n_classes, scale, offset):
    rng = np.random.RandomState(n_classes)
    classes = np.append(np.arange(n_classes), rng.randint(n_classes, size=500))
    x = (rng.normal(size=len(classes)) + classes + offset) * scale
    order = np.argsort(x)
    x, classes = x[order], classes[order]
    problem = (x, classes, n_classes, 0.01)
    weights, intercepts = _fit_linear_svc(*problem)
    theirs = LinearSVC(C=0.01, class_weight="balanced", tol=1e-10, max_iter=100_000)
    theirs.set_params(dual=False).fit(x[:, None], classes)
    w, b = theirs.coef_[:, 0], theirs.intercept_
    if n_classes == 2:
        w, b = np.append(-w, w), np.append(-b, b)
    ours = objective(*problem, weights, intercepts)
    assert np.all(ours <= objective(*problem, w, b) * (1 + 1e-12))
    if scale == 1:  # elsewhere theirs stops further from the minimum
        assert weights == pytest.approx(w, rel=1e-5)
    agree = _predict_linear_svc(x, weights, intercepts) == theirs.predict(x[:, None])
    assert agree.mean() > 0.99


def test_svc_on_a_constant_or_repeated_feature():
    classes = np.array([0, 0, 1, 2, 2, 2])
    for x in (np.zeros(6), np.full(6, 1e8), np.array([1.0, 1, 1, 2, 2, 2])):
        assert np.all(np.isfinite(_fit_linear_svc(x, classes, 3, 0.01)))


class Overshooting:
    """Convex, with a Hessian that makes full Newton steps diverge from 3."""

    def evaluate(self, params):
        root = np.sqrt(1 + params**2)
        hessian = np.zeros((2, 2, params.shape[1]))
        hessian[[0, 1], [0, 1]] = root**-3
        return root.sum(axis=0), params / root, hessian


def test_newton_shortens_steps_that_overshoot():
    found = _newton(Overshooting(), np.full((2, 3), 3.0))
    assert found == pytest.approx(0, abs=1e-6)


def test_squared_correlations_by_hand(codes, factors):
    expected = np.corrcoef(codes.T, factors.T)[:4, 4:] ** 2
    faint = 1e-7 * np.random.RandomState(0).normal(size=len(codes))
    assert faint.var() < 1e-12  # counts as constant: its squared correlation is 0
    for (code, factor), squared in np.ndenumerate(expected):
        Z = np.column_stack([codes[:, code], faint])
        score = sap_score(Z, factors[:, [factor]], continuous_factors=True)
        assert score == pytest.approx(squared, abs=1e-12)


def test_one_code_is_compared_with_a_dead_one(codes, factors):
    one = codes[:, :1]
    with_dead = np.column_stack([one, np.ones(len(one))])
    for options in ({"random_state": 0}, {"continuous_factors": True}):
        one_code = sap_score(one, factors, **options)
        assert one_code == pytest.approx(sap_score(with_dead, factors, **options))
        assert one_code > 0


def test_perfect_and_unrelated_codes():
    Y = np.random.RandomState(0).randint(2, size=(2000, 3))
    assert sap_score(Y, Y, random_state=0) == pytest.approx(0.5, abs=0.05)
    assert sap_score(Y, Y, continuous_factors=True) == pytest.approx(1, abs=0.01)
    noise = np.random.RandomState(1).normal(size=(2000, 3))
    assert sap_score(noise, Y, random_state=0) < 0.05
    assert sap_score(noise, Y, continuous_factors=True) < 0.01


def test_class_missing_from_the_training_half(codes, factors):
    Y = factors.copy()
    Y[-1, 0] = 9
    assert np.isfinite(sap_score(codes, Y, shuffle=False))


def test_factor_that_is_constant_in_the_training_half(codes, factors):
    Y = np.column_stack([factors, np.arange(len(factors)) // (len(factors) - 5)])
    with pytest.warns(
        UserWarning, match="columns 3 of Y hold a single value in the tr"
    ):
        score = sap_score(codes, Y, shuffle=False)
    assert score == sap_score(codes, factors, shuffle=False)


def test_options_are_checked(codes, factors):
    with pytest.raises(ValueError, match="'test_size' parameter of sap_score"):
        sap_score(codes, factors, test_size=1.5)
