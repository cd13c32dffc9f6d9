"""The correlations of Gaussian codes."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from sk_bvae.metrics import (
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
)

DEAD = [[], [0.1], [0.0, -1e6]]


def correlated(rho, n_samples=1000, scale=(1.0, 1.0)):
    """Return two codes whose sample correlation is exactly `rho`."""
    Z = np.random.RandomState(0).normal(size=(n_samples, 2))
    Z = np.linalg.qr(Z - Z.mean(axis=0))[0] * np.sqrt(n_samples - 1)
    return Z @ np.linalg.cholesky([[1, rho], [rho, 1]]).T * scale


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("rho", [0.0, 0.5, -0.99])
def test_total_correlation_by_hand(rho, dead):
    Z = correlated(rho, scale=(1e-3, 1e4))
    Z = np.column_stack([Z, *(np.full(len(Z), value) for value in dead)])
    expected = -0.5 * np.log(1 - rho**2)
    assert gaussian_total_correlation(Z) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("rho", [0.0, 0.5, -0.99])
def test_wasserstein_correlation_by_hand(rho, dead):
    Z = correlated(rho, scale=(2.0, 2.0))
    Z = np.column_stack([Z, *(np.full(len(Z), value) for value in dead)])
    # S has the eigenvalues 4 (1 +- rho), and D is 4 times the identity.
    expected = 16 - 8 * (np.sqrt(1 + rho) + np.sqrt(1 - rho))
    assert gaussian_wasserstein_correlation(Z) == pytest.approx(expected, abs=1e-9)
    normalized = gaussian_wasserstein_correlation(Z, normalize=True)
    assert normalized == pytest.approx(expected / 8, abs=1e-9)


def test_wasserstein_correlation_by_matrix_root(codes):
    S = np.cov(codes.T)
    root = np.sqrt(np.diag(np.diag(S)))
    expected = 2 * np.trace(S) - 2 * np.trace(sqrtm(root @ S @ root).real)
    assert gaussian_wasserstein_correlation(codes) == pytest.approx(expected)


@pytest.mark.parametrize("columns", [[0, 0], [0, 1, 2, 3, 0], [1, 1, 1]])
def test_duplicated_codes(codes, columns):
    with pytest.warns(UserWarning, match="linearly dependent .*duplicated"):
        assert gaussian_total_correlation(codes[:, columns]) == np.inf
    assert 0 < gaussian_wasserstein_correlation(codes[:, columns]) < np.inf


def test_no_more_samples_than_codes(codes):
    with pytest.warns(UserWarning, match="score more samples"):
        assert gaussian_total_correlation(codes[:3]) == np.inf


@pytest.mark.parametrize("Z", [np.ones((5, 2)), np.arange(5.0)[:, None]])
@pytest.mark.parametrize(
    "score", [gaussian_total_correlation, gaussian_wasserstein_correlation]
)
def test_nothing_to_depend_on(score, Z):
    assert score(Z) == pytest.approx(0, abs=1e-12)


def test_nothing_to_normalize():
    assert gaussian_wasserstein_correlation(np.ones((5, 2)), normalize=True) == 0
