"""What latents have to do with columns, and columns with how likely a row is."""

import pickle

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sk_bvae import BetaVAE
from sk_bvae.callbacks import Checkpoint
from sk_bvae.estimators._explaining import sample_rows
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Likelihood
from sk_bvae.training.rows import Rows

TABLES = {
    "digits": lambda: load_digits().data,
    "breast cancer": lambda: scale(load_breast_cancer().data),
    "wine": lambda: load_wine().data,
}
SMALL = {
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "init": "random",
    "early_stopping": False,
}


def affine(k, beta=1.0, **params):
    params = {"init": "pca", "random_state": 0, **params}
    return BetaVAE(k, beta=beta, hidden_layer_sizes=(), **params)


def closed_form(X, pca):
    """Share out Mahalanobis's distance, and log densities with it."""
    d = X - pca.mean_
    noise, n_features = pca.noise_variance_, X.shape[1]
    nats = 0.5 * np.log(pca.explained_variance_ / noise).sum()
    constant = -0.5 * np.log(2 * np.pi * noise) - nats / n_features
    return constant - 0.5 * d * (d @ pca.get_precision())


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]()


@pytest.fixture
def linear_gaussian(rng):
    weights = rng.standard_normal((5, 20))
    return rng.standard_normal((1000, 5)) @ weights + rng.standard_normal((1000, 20))


# The affine model


@pytest.mark.parametrize("k", [2, 10])
def test_components_are_those_of_pca(table, k):
    vae, pca = affine(k).fit(table), PCA(k).fit(table)
    angles = subspace_angles(vae.components_.T.astype(float), pca.components_.T)
    assert np.degrees(angles.max()) < 0.1
    variances = pca.explained_variance_
    lengths = np.sqrt(variances) * (1 - pca.noise_variance_ / variances)
    loadings = lengths[:, None] * pca.components_
    signs = np.sign((vae.components_ * loadings).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(
        signs * vae.components_, loadings, rtol=5e-3, atol=5e-3 * loadings.max()
    )


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_shares_of_the_variance_are_those_of_pca(table, beta):
    vae, pca = affine(5, beta).fit(table), PCA(5).fit(table)
    alive = np.arange(5) < vae.n_active_components_
    assert alive.sum() > 1
    expected = np.where(alive, pca.explained_variance_ratio_, 0)
    np.testing.assert_allclose(vae.explained_variance_ratio_, expected, atol=1e-5)


def test_score_features_is_the_closed_form(linear_gaussian):
    X, X_new = linear_gaussian[:900], linear_gaussian[900:]
    found = affine(5).fit(X).score_features(X_new)
    np.testing.assert_allclose(found, closed_form(X_new, PCA(5).fit(X)), 1e-3, 1e-4)


def test_a_posterior_that_is_not_the_true_one_is_corrected(linear_gaussian):
    """At beta=4 the encoder is wider than p(z|x); importance weights know."""
    X, X_new = linear_gaussian[:900], linear_gaussian[900:]
    pca = PCA(5).fit(X)
    vae = affine(5, 4.0, noise_variance=pca.noise_variance_).fit(X)
    found = vae.score_features(X_new, n_draws=2000)
    slopes = vae.inverse_transform(np.eye(6)[:, 1:])
    W = (slopes[1:] - slopes[0]).astype(float)
    precision = np.linalg.inv(W.T @ W + pca.noise_variance_ * np.eye(20))
    d = X_new - X.mean(axis=0)
    expected = -0.5 * d * (d @ precision)
    found -= found.mean() - expected.mean()
    assert np.abs(found - expected).mean() < 0.02 * np.abs(expected).mean()


# Any model


def test_rows_add_up_to_score_samples(AnyVAE, digits):
    vae = AnyVAE(3, **SMALL).fit(digits[:200])
    for n_draws, X in ((1, digits[:40]), (32, digits[:40]), (3000, digits[:2])):
        total = vae.score_features(X, n_draws=n_draws).sum(axis=1)
        np.testing.assert_allclose(total, vae.score_samples(X, n_draws), rtol=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_shares_hold_of_any_likelihood(digits, likelihood):
    """The identity behind them, by a posterior that is summed up on a grid."""
    vae = BetaVAE(1, likelihood=likelihood, **{**SMALL, "max_iter": 20}).fit(digits)
    x = torch.from_numpy(digits[:1].copy())
    z = torch.linspace(-6, 6, 4001)[:, None].requires_grad_()
    module = vae.net_.module_["vae"]
    target = module.likelihood.standardize(x).expand(len(z), -1)
    given_z = -module.likelihood.nll_by_feature(module.decode(z), target)
    slopes = torch.stack(
        [
            torch.autograd.grad(column.sum(), z, retain_graph=True)[0][:, 0]
            for column in given_z.T
        ],
        dim=1,
    )
    weights = (given_z.sum(dim=1) - z[:, 0].square() / 2).double().softmax(dim=0)
    parts = (weights[:, None] * (given_z - 0.5 * z * slopes)).sum(dim=0)
    found = vae.score_features(digits[:1], n_draws=4000)[0]
    found += (parts.mean() - found.mean()).item()
    np.testing.assert_allclose(found, parts.detach(), rtol=0.02, atol=0.01)


@pytest.mark.parametrize(
    "params", [{"hidden_layer_sizes": ()}, {}, {"beta": 4.0, "init": "random"}]
)
def test_a_cell_that_was_moved_is_named(params, rng):
    X, X_new = train_test_split(TABLES["breast cancer"](), random_state=0)
    params = {"init": "pca", "beta": 1.0, "max_iter": 30, "random_state": 0, **params}
    vae = BetaVAE(5, **params).fit(X)
    rows, columns = rng.integers(len(X_new), size=200), rng.integers(30, size=200)
    moved = X_new[rows]
    distances = 8 * X.std(axis=0)[columns] * rng.choice([-1, 1], size=200)
    moved[np.arange(200), columns] += distances
    named = vae.score_features(moved).argmin(axis=1)
    assert (named == columns).mean() >= 0.95


def test_shares_of_the_variance_add_up(digits):
    """In sum they are what a regression on the decoded parts explains."""
    params = {"batch_size": 600, "max_iter": 160, "random_state": 0}
    vae = BetaVAE(4, beta=1.0, **params).fit(digits)
    shares, codes = vae.explained_variance_ratio_, vae.transform(digits)
    decoded = [vae.inverse_transform(codes * known) for known in np.tri(5, 4, -1)]
    parts = np.diff(decoded, axis=0).astype(float)
    parts = (parts - parts.mean(axis=1, keepdims=True)).reshape(4, -1).T
    data = (digits - digits.mean(axis=0)).ravel().astype(float)
    for n in range(1, 5):
        found = np.linalg.lstsq(parts[:, :n], data, rcond=None)[1].item()
        expected = 1 - found / (data @ data)
        assert shares[:n].sum() == pytest.approx(expected, abs=1e-5)
    left = digits - vae.inverse_transform(codes)
    assert shares.sum() > 1 - left.var(axis=0).sum() / digits.var(axis=0).sum()


def test_slopes_are_the_decoders(digits):
    vae = BetaVAE(3, beta=1.0, activation="tanh", max_iter=5, random_state=0)
    vae.fit(digits)  # five epochs pay for 140 rows, 35 of them for slopes
    seed = vae.net_.recipe_["seeds"]["scoring"]
    rows = digits[np.random.RandomState(seed).permutation(len(digits))[:140]]
    codes = vae.transform(rows)
    decode = vae.net_.module_["vae"].decode_mean
    jacobians = [
        torch.autograd.functional.jacobian(decode, z[None])[0, :, 0].T
        for z in torch.from_numpy(codes[:35])
    ]
    expected = codes.std(axis=0)[:, None] * np.mean(jacobians, axis=0)
    np.testing.assert_allclose(vae.components_, expected, atol=1e-3, rtol=1e-2)


def test_dead_latents_explain_nothing(digits):
    with pytest.warns(UserWarning, match="No latent"):
        vae = BetaVAE(2, beta=1e4, max_iter=10, random_state=0).fit(digits)
    np.testing.assert_array_equal(vae.explained_variance_ratio_, 0)
    assert np.abs(vae.components_).max() < 0.05


@pytest.mark.filterwarnings("ignore:No latent of this")
def test_data_without_variance_have_answers():
    vae = BetaVAE(2, **SMALL).fit(np.ones((5, 3)))
    np.testing.assert_array_equal(vae.explained_variance_ratio_, 0)
    assert np.isfinite(vae.components_).all()
    assert np.isfinite(vae.score_features(np.ones((5, 3)))).all()


def test_weights_count_rows(rng):
    X = rng.normal(size=(60, 4)) * (4, 3, 2, 1)
    counts = rng.integers(0, 4, size=60)
    vae = affine(2).fit(X, sample_weight=counts)
    twin = affine(2).fit(X.repeat(counts, axis=0))
    shares = twin.explained_variance_ratio_
    np.testing.assert_allclose(vae.explained_variance_ratio_, shares, rtol=1e-5)
    np.testing.assert_allclose(vae.components_, twin.components_, 1e-3, 1e-3)
    plain = affine(2).fit(X)
    assert np.abs(plain.explained_variance_ratio_ - shares).max() > 1e-3


def test_columns_of_different_kinds(rng):
    z = rng.normal(size=(300, 1))
    numbers = z + 0.3 * rng.normal(size=(300, 2))
    answers, counts = z > 0, rng.poisson(3 * np.exp(z / 2))
    kinds = [("gaussian", [0, 1]), ("bernoulli", [2]), ("poisson", [3])]
    X = np.hstack([numbers, answers, counts])
    vae = BetaVAE(1, beta=1, likelihood=kinds, max_iter=60, random_state=0).fit(X)
    assert len(set(np.sign(vae.components_[0]))) == 1
    assert 0.3 < vae.explained_variance_ratio_[0] < 1
    found = vae.score_features(X)
    np.testing.assert_allclose(found.sum(axis=1), vae.score_samples(X), rtol=1e-4)
    X[:50, 3] += 30
    assert (vae.score_features(X[:50]).argmin(axis=1) == 3).mean() > 0.95


# Where they are found


def test_attributes_survive(digits, tmp_path):
    vae = BetaVAE(3, **SMALL).set_callbacks(Checkpoint(tmp_path / "vae.joblib"))
    vae.fit(digits)
    again = BetaVAE(3, **SMALL).set_callbacks(Checkpoint(tmp_path / "vae.joblib"))
    search = ReplicaGridSearch(BetaVAE(3, **SMALL), {}, n_replicas=2, random_state=0)
    search.fit(digits)
    best = search.best_estimator_
    lone = BetaVAE(3, **{**SMALL, "random_state": best.random_state}).fit(digits)
    others = pickle.loads(pickle.dumps(vae)), again.fit(digits)
    pairs = [(vae, other, 0) for other in others] + [(lone, best, 1e-4)]
    for name in ("components_", "explained_variance_ratio_"):
        for ours, theirs, atol in pairs:
            expected = getattr(ours, name)
            np.testing.assert_allclose(
                getattr(theirs, name), expected, rtol=0, atol=atol
            )
    np.testing.assert_array_equal(
        search.score_features(digits[:5]), best.score_features(digits[:5])
    )
    before = vae.components_
    assert np.abs(vae.partial_fit(digits).components_ - before).max() > 1e-4


def test_a_pipeline_and_its_names(rng):
    table = load_breast_cancer(as_frame=True).data
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, BetaVAE(2, **SMALL)).fit(table)
    scores = pipeline[-1].score_features(pipeline[:-1].transform(table[:50]))
    np.testing.assert_allclose(
        scores.sum(axis=1), pipeline.score_samples(table[:50]), rtol=1e-5
    )
    assert list(pipeline[-1].feature_names_in_) == list(table.columns)
    assert pipeline[-1].components_.shape == (2, 30)


def test_a_likelihood_has_to_speak_of_features(digits):
    class OfRows(Likelihood):
        def nll(self, output, x):
            return (output - x).square().sum(dim=-1)

        def mean(self, output):
            return output

        def draw(self, output, generator):
            return output

    vae = BetaVAE(2, likelihood=OfRows(), **SMALL).fit(digits)
    with pytest.raises(
        TypeError, match=r"OfRows .* rows only: write nll_by_feature.* then the sum\.$"
    ):
        vae.score_features(digits)


def test_a_short_training_pays_for_few_rows():
    rows = Rows(np.zeros((100_000, 2)), torch.device("cpu"))
    seen = [len(sample_rows(rows, n_epochs, 9, seed=0)) for n_epochs in (None, 200, 2)]
    assert seen == [2048, 2048, 1250]
    few = rows.restrict(torch.arange(100))
    seen = [len(sample_rows(few, n_epochs, 9, seed=0)) for n_epochs in (None, 200, 1)]
    assert seen == [100, 100, 64]


def test_memory_of_many_draws_is_bounded(digits, monkeypatch):
    vae = BetaVAE(2, **SMALL).fit(digits)
    sizes, likelihood = [], type(vae.net_.module_["vae"].likelihood)
    original = likelihood.nll_by_feature

    def watched(self, output, x):
        sizes.append(output.shape[:-1].numel())
        return original(self, output, x)

    monkeypatch.setattr(likelihood, "nll_by_feature", watched)
    for n_draws in (1, 100, 5000):
        vae.score_features(digits[:600:100], n_draws=n_draws)
        vae.score_features(digits[:3], n_draws=n_draws)
    assert max(sizes) <= 1024
