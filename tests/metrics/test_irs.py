"""The interventional robustness score."""

from types import SimpleNamespace

import numpy as np
import pytest

from sk_bvae.metrics import interventional_robustness_score


def transcribed(Z, Y):
    """Follow the definition loop by loop."""
    Z = Z[:, Z.std(axis=0) > 0]
    largest = np.max(np.abs(Z - Z.mean(axis=0)), axis=0)
    robust = np.zeros((Z.shape[1], Y.shape[1]))
    for k in range(Y.shape[1]):
        binned = np.digitize(Y[:, k], np.histogram(Y[:, k], 20)[1][:-1])
        for d in range(Z.shape[1]):
            strays = []
            for value in np.unique(binned):
                group = Z[binned == value, d]
                strays.append(np.percentile(np.abs(group - group.mean()), 99))
            robust[d, k] = 1 - np.mean(strays) / largest[d]
    return np.average(robust.max(axis=1), weights=largest)


def test_equals_its_transcription(codes, factors):
    got = interventional_robustness_score(codes, factors)
    assert got == pytest.approx(transcribed(codes, factors), abs=1e-12)
    fine = np.random.RandomState(0).randint(40, size=(300, 2))
    got = interventional_robustness_score(codes, fine)
    assert got == pytest.approx(transcribed(codes, fine), abs=1e-12)


@pytest.mark.parametrize("case", ["rotated", "dead_code"])
def test_equals_its_transcription_on_the_reference_cases(reference, case):
    Z, Y, _ = reference(case)
    got = interventional_robustness_score(Z, Y)
    assert got == pytest.approx(transcribed(Z, Y), abs=1e-12)


def test_perfect_codes_with_dead_ones(factors):
    Z = np.column_stack([factors, np.full((len(factors), 2), 0.1)])
    assert interventional_robustness_score(Z, factors) == pytest.approx(1)


def test_unrelated_codes():
    Y = np.random.RandomState(0).randint(4, size=(5000, 2))
    noise = np.random.RandomState(1).uniform(size=(5000, 2))
    assert interventional_robustness_score(noise, Y) < 0.05


def test_freshly_rendered():
    data = SimpleNamespace(factor_sizes=[4, 5], render=lambda factors: factors)
    assert interventional_robustness_score(np.negative, data, n_samples=500) == 1
