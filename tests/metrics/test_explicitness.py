"""The explicitness score."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae.metrics import explicitness_score


def test_equals_scikit_learn_step_by_step(codes, factors):
    rng = np.random.RandomState(3)
    split = train_test_split(codes, factors, test_size=0.3, random_state=rng)
    areas = []
    for k in range(factors.shape[1]):
        model = make_pipeline(StandardScaler(), LogisticRegression())
        chances = model.fit(split[0], split[2][:, k]).predict_proba(split[1])
        of_classes = [
            roc_auc_score(split[3][:, k] == c, chance)
            for c, chance in enumerate(chances.T)
        ]
        areas.append(np.mean(of_classes))
    got = explicitness_score(codes, factors, test_size=0.3, random_state=3)
    assert got == pytest.approx(np.mean(areas), abs=1e-12)


def test_scale_of_the_codes_does_not_matter(codes, factors):
    scaled = codes * [1e4, 1e-3, 1, 10] + [0, 5, -100, 0]
    assert explicitness_score(scaled, factors, random_state=0) == pytest.approx(
        explicitness_score(codes, factors, random_state=0), abs=1e-3
    )


def test_perfect_and_unrelated_codes(factors):
    assert explicitness_score(factors[:, :1], factors[:, :1], random_state=0) == 1
    noise = np.random.RandomState(1).normal(size=factors.shape)
    assert explicitness_score(noise, factors, random_state=0) == pytest.approx(
        0.5, abs=0.1
    )
