"""A search scored by the few rows that are labelled, and trained on all."""

import numpy as np
import pytest
from sklearn.base import clone

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch, _replica_grid_search

BLOBS = make_blobs2d(300, image_size=16, std=0.1, n_positions=8, random_state=0)
X, FACTORS = BLOBS.data, BLOBS.target


@pytest.fixture
def some():
    """The factors of 60 of 300 rows."""
    some = np.full_like(FACTORS, -1)
    some[40:100] = FACTORS[40:100]
    return some


@pytest.fixture
def search():
    vae = BetaVAE(2, likelihood="bernoulli", hidden_layer_sizes=(16,), max_iter=4)
    return ReplicaGridSearch(
        vae,
        {"beta": [0.1, 0.5]},
        n_replicas=2,
        scoring="mig",
        random_state=0,
        return_estimators=True,
    )


def test_unlabelled_rows_are_trained_on_and_not_scored(search, some):
    search.fit(X, some)
    for column in range(2):
        scores = search.cv_results_[f"replica{column}_score"]
        for row, score in enumerate(scores):
            replica = search.estimators_[row][column]
            lone = clone(replica).fit(X)
            np.testing.assert_allclose(
                replica.transform(X), lone.transform(X), rtol=1e-3, atol=1e-4
            )
            Z = replica.transform(X[40:100])
            assert score == pytest.approx(mutual_info_gap(Z, FACTORS[40:100]))


@pytest.mark.parametrize(("scoring", "n_labelled"), [("mig", 1), ("beta_vae", 4)])
def test_too_few_labels_are_refused_before_anything_is_trained(
    search, some, scoring, n_labelled, monkeypatch
):
    monkeypatch.delattr(_replica_grid_search, "fit_replicas")
    some[40 + n_labelled :] = -1
    with pytest.raises(ValueError, match=rf"{n_labelled} of 300 rows of y .*{scoring}"):
        search.set_params(scoring=scoring).fit(X, some)
