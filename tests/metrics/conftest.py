"""Data that several test files share."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

# Codes and factors, and what the code of disentanglement_lib, and for InfoMEC that of
# its authors, returns for them. The codes are rounded to float32, which changes no bin
# and no score beyond 1e-8; but it makes neighbours, and so InfoMEC, tie now and then.
REFERENCE = Path(__file__).parent / "data" / "reference.npz"


@pytest.fixture(scope="session")
def reference():
    """Return a function from a case's name to its codes, factors and values."""
    with np.load(REFERENCE) as file:
        arrays = dict(file)

    def case(name):
        start = f"{name}/"
        values = {
            key.removeprefix(start): value
            for key, value in arrays.items()
            if key.startswith(start)
        }
        return values.pop("Z").astype(np.float64), arrays["Y"].astype(int), values

    return case


@pytest.fixture
def factors():
    """Return 300 draws of three independent factors with 2, 3 and 4 classes."""
    return np.random.RandomState(0).randint([2, 3, 4], size=(300, 3))


@pytest.fixture
def codes(factors):
    """Return codes that mix the factors somewhat, with noise: nothing ties."""
    rng = np.random.RandomState(1)
    mixing = [[1.0, 0.1, 0.0, 0.3], [0.2, 1.0, 0.1, 0.0], [0.0, 0.0, 1.0, 0.3]]
    return factors @ mixing + 0.2 * rng.normal(size=(len(factors), 4))


@pytest.fixture
def few_trees(monkeypatch):
    """Make DCI fast, for tests that are not about how good it is."""
    quick = partial(GradientBoostingClassifier, n_estimators=10)
    monkeypatch.setattr("sk_bvae.metrics._dci.GradientBoostingClassifier", quick)
