"""Unsupervised disentanglement ranking."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

from sk_bvae.metrics import unsupervised_disentanglement_ranking


@pytest.fixture
def models():
    """Return three models' codes: two that agree, one that mixes, with noise."""
    rng = np.random.RandomState(0)
    Z = rng.normal(size=(400, 3))
    mixed = Z @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    clean = [Z, Z[:, [2, 0, 1]] * [-1, 2, 1], mixed]
    return [codes + 0.1 * rng.normal(size=codes.shape) for codes in clean]


def transcribed(models, kl, correlation):
    """Follow the published code, one pair and one correlation at a time."""
    masks = [np.asarray(values) > 0.01 for values in kl]
    Zs = [
        StandardScaler().fit_transform(Z) * mask
        for Z, mask in zip(models, masks, strict=True)
    ]
    n_models = len(Zs)
    scores = np.zeros((n_models, n_models))
    for i in range(n_models):
        for j in range(n_models):
            if i == j:
                continue
            if correlation == "lasso":
                R = np.abs(Lasso(alpha=0.1).fit(Zs[i], Zs[j]).coef_.T)
                R = R[masks[i]][:, masks[j]]
            else:
                R = np.array(
                    [
                        [abs(spearmanr(a, b).statistic) for b in Zs[j].T[masks[j]]]
                        for a in Zs[i].T[masks[i]]
                    ]
                )
            columns = np.mean(R.max(axis=0) ** 2 / R.sum(axis=0))
            rows = np.mean(R.max(axis=1) ** 2 / R.sum(axis=1))
            scores[i, j] = (columns + rows) / 2
    return [np.median(np.delete(scores[:, i], i)) for i in range(n_models)]


@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_equals_its_transcription(models, correlation):
    dead = 0.3 * np.random.RandomState(1).normal(size=(400, 1))
    models[1] = np.hstack([models[1][:, :1], dead, models[1][:, 1:]])
    models[2] = np.hstack([models[2], dead])
    kl = [[1, 2, 1], [3, 0.005, 1, 1], [1, 1, 1, 0.01]]
    got = unsupervised_disentanglement_ranking(models, kl=kl, correlation=correlation)
    assert got == pytest.approx(transcribed(models, kl, correlation), abs=1e-9)


def test_ranks_the_model_that_mixes_last(models):
    for correlation in ("lasso", "spearman"):
        scores = unsupervised_disentanglement_ranking(
            [*models, models[0]], correlation=correlation
        )
        assert scores.argmin() == 2


def test_perfect_agreement():
    # Columns without any correlation, rank or other: a full grid
    Z = np.stack(np.meshgrid(range(9), range(9)), -1).reshape(-1, 2) - 4.0
    models = [Z, Z[:, ::-1], np.column_stack([-Z, np.ones(81)])]
    assert unsupervised_disentanglement_ranking(
        models, correlation="spearman"
    ) == pytest.approx([1, 1, 1])
    assert unsupervised_disentanglement_ranking(models) == pytest.approx([0.9] * 3)


@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_model_without_informative_codes(models, correlation):
    models[1] = np.zeros((400, 4))
    message = "model 1 has no informative code, so such pairs count as 0"
    with pytest.warns(UserWarning, match=message):
        scores = unsupervised_disentanglement_ranking(models, correlation=correlation)
    assert scores[1] == 0
    assert np.all(np.isfinite(scores))


@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_fewer_than_two_informative_models(models, correlation):
    models[1:] = [np.zeros((400, 4)), np.zeros((400, 2))]
    with pytest.warns(
        UndefinedMetricWarning,
        match="models 1, 2 have no informative code, so all scores are NaN",
    ):
        scores = unsupervised_disentanglement_ranking(models, correlation=correlation)
    assert np.isnan(scores).all()


@pytest.mark.parametrize(("correlation", "chance"), [("lasso", 0), ("spearman", 0.1)])
def test_independent_codes_score_near_chance(correlation, chance):
    rng = np.random.RandomState(0)
    models = [rng.normal(size=(2000, 5)) for _ in range(4)]
    scores = unsupervised_disentanglement_ranking(models, correlation=correlation)
    assert np.all(scores <= chance)


@pytest.mark.parametrize(("correlation", "best"), [("lasso", 0.9), ("spearman", 1)])
def test_permuted_and_flipped_copies_score_best(correlation, best):
    Z = np.random.RandomState(0).normal(size=(3000, 4))
    copies = [Z, Z[:, [2, 0, 3, 1]], -Z, Z * [1, -1, -1, 1]]
    scores = unsupervised_disentanglement_ranking(copies, correlation=correlation)
    # the codes' own chance correlation stands in the denominators
    assert scores == pytest.approx([best] * 4, abs=0.06)


def test_constant_code_that_claims_to_be_informative(models):
    models[0] = np.column_stack([models[0], np.ones(400)])
    kl = [[1, 1, 1, 1], [1, 1, 1], [1, 1, 1]]
    with_dead = unsupervised_disentanglement_ranking(models, kl=kl)
    without = unsupervised_disentanglement_ranking([models[0][:, :3], *models[1:]])
    assert with_dead == pytest.approx(without)


@pytest.mark.parametrize("n_codes", [1, 2])
def test_few_codes(models, n_codes):
    few = [Z[:, :n_codes] for Z in models]
    scores = unsupervised_disentanglement_ranking(few)
    assert scores.shape == (3,)
    assert np.all(np.isfinite(scores))


def test_one_to_one_by_hand():
    # A full grid: the rank correlation of two columns is 1 if they are one, else 0.
    grid = np.stack(np.meshgrid(*[range(3)] * 5), -1).reshape(-1, 5)

    def compare(columns, others):
        codes = [grid[:, columns], grid[:, others]]
        return unsupervised_disentanglement_ranking(codes, correlation="spearman")

    assert compare([0, 1, 2], [2, 0, 1]) == pytest.approx([1, 1])
    assert compare([0, 0, 0], [0, 0, 0]) == pytest.approx([1 / 3, 1 / 3])
    assert compare([0, 0, 1], [0, 0, 1]) == pytest.approx([2 / 3, 2 / 3])
    assert compare([0, 1, 2], [3, 4]) == pytest.approx([0, 0], abs=1e-12)


def test_bad_input_is_named(models):
    score = unsupervised_disentanglement_ranking
    with pytest.raises(ValueError, match=r"^UDR compares .* two models or more, got"):
        score(models[:1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score([models[0], models[1][:-1]])
    with pytest.raises(ValueError, match=r"expected shapes \[\(3,\), \(3,\), \(3,\)\]"):
        score(models, kl=[[1, 1, 1]] * 2)
    with pytest.raises(ValueError, match="'correlation' parameter"):
        score(models, correlation="pearson")


@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_nothing_global_is_drawn(correlation, rng, global_random_states):
    models = list(rng.normal(size=(3, 50, 4)))
    before = global_random_states()
    unsupervised_disentanglement_ranking(models, correlation=correlation)
    assert global_random_states() == before
