"""The FactorVAE score."""

from types import SimpleNamespace

import numpy as np
import pytest

from sk_bvae.metrics import factor_vae_score
from sk_bvae.metrics._factor_vae_score import _count_votes
from sk_bvae.metrics._sampling import _RenderSampler, _RowSampler

QUICK = {"n_train": 500, "n_test": 300, "random_state": 0}


def grid(sizes):
    return SimpleNamespace(factor_sizes=sizes, render=lambda factors: factors / 4.0)


@pytest.mark.parametrize("dead", [[], [0.0], [0.0, 0.1, -1e6]])
def test_perfect_codes_with_and_without_dead_ones(factors, dead):
    Z = np.column_stack([*(np.full(len(factors), value) for value in dead), factors])
    assert factor_vae_score(Z, factors, **QUICK) == 1

    def transform(samples):
        return np.column_stack([*(np.full(len(samples), v) for v in dead), samples])

    assert factor_vae_score(transform, grid([4, 5, 6]), **QUICK) == 1


def test_a_nearly_dead_code_does_not_vote(factors):
    noise = 1e-3 * np.random.RandomState(0).normal(size=len(factors))
    Z = np.column_stack([noise, factors])
    assert factor_vae_score(Z, factors, **QUICK) == 1


def test_unrelated_codes_score_chance():
    rng = np.random.RandomState(0)
    Y = rng.randint([3, 4], size=(2000, 2))
    Z = rng.normal(size=(2000, 4))
    assert factor_vae_score(Z, Y, **QUICK) == pytest.approx(0.5, abs=0.15)


def test_no_active_code(factors):
    with pytest.warns(UserWarning, match="at least 0.05.*lower active_threshold"):
        assert factor_vae_score(factors * 1e-3, factors, **QUICK) == 0
    score = factor_vae_score(factors * 1e-3, factors, active_threshold=1e-5, **QUICK)
    assert score == 1


def test_votes_by_definition(codes, factors):
    """Transcribe one vote after the other from the groups that are drawn."""
    sampler = _RowSampler(codes, factors)
    variances = codes.var(axis=0, ddof=1)
    variances[1] = np.nan
    columns = np.array([0, 2])
    votes = _count_votes(sampler, columns, variances, (40, 8), np.random.RandomState(1))
    rng = np.random.RandomState(1)
    y = rng.randint(2, size=40)
    expected = np.zeros((4, 2), dtype=int)
    groups = sampler.draw_sharing(columns[y], 8, rng)
    for group, factor in zip(groups, y, strict=True):
        relative = [
            np.var(group[:, d], ddof=1) / variances[d] if d != 1 else np.inf
            for d in range(4)
        ]
        expected[np.argmin(relative), factor] += 1
    assert np.array_equal(votes, expected)


@pytest.mark.parametrize("source", ["rows", "rendered"])
def test_groups_agree_in_their_factor_alone(source):
    sizes = [4, 5, 6]
    if source == "rows":
        Y = np.random.RandomState(0).randint(sizes, size=(1000, 3))
        sampler = _RowSampler(Y.astype(float), Y)
    else:
        sampler = _RenderSampler(lambda factors: factors * 4, grid(sizes))
    fixed = np.array([0, 1, 2] * 100)
    groups = sampler.draw_sharing(fixed, 64, np.random.RandomState(0))
    spread = np.ptp(groups, axis=1)
    assert np.all(spread[np.arange(300), fixed] == 0)
    others = spread[np.arange(3) != fixed[:, None]].reshape(-1, 2)
    assert np.all(others > 0)
    first = groups[fixed == 1, 0, 1]
    assert set(first) == set(range(5))
    assert np.bincount(first.astype(int)).min() > 8


def test_rendered_samples_come_in_bounded_batches():
    sizes = []

    def transform(samples):
        sizes.append(len(samples))
        return samples

    factor_vae_score(transform, grid([4, 5]), **QUICK)
    assert max(sizes) <= _RenderSampler.samples_at_once
    assert sum(sizes) == 10_000 + 64 * 800
