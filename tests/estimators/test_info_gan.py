"""InfoGAN: its formula, its information, and what it finds in two factors."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm, spearmanr
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops_io
from torch import nn

from sk_bvae import InfoGAN
from sk_bvae.datasets import make_blobs2d
from sk_bvae.estimators._gan import information
from sk_bvae.inspection import (
    LatentTraversalDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    TrainingDisplay,
)
from sk_bvae.metrics import make_disentanglement_scorer
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Batch
from sk_bvae.nn._gan import Discriminator, Generator, SpectralNorm
from sk_bvae.nn._spread import spread_noise

pytestmark = pytest.mark.filterwarnings("ignore:No latent of")  # in a few steps

FAST = {
    "n_components": 2,
    "n_noise": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 2,
    "random_state": 0,
}


def fast(**params):
    return InfoGAN(**{**FAST, **params})


# Noise for every feature


def test_spread_noise_is_standard_normal():
    draws = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    noise = spread_noise(draws, 100).double().numpy()
    assert np.isfinite(noise).all()
    assert kstest(noise.ravel(), "norm").pvalue > 0.01
    error = 1 / np.sqrt(noise.size)
    assert abs((noise[:, 1:] * noise[:, :-1]).mean()) < 4 * error
    assert abs((noise[1:] * noise[:-1]).mean()) < 4 * error


def test_spread_noise_is_a_function_of_the_row():
    draws = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(spread_noise(draws, 9)[3:4], spread_noise(draws[3:4], 9))
    assert torch.equal(spread_noise(draws, 9)[:, :4], spread_noise(draws, 4))
    each = torch.func.vmap(lambda own: spread_noise(own, 9))(draws.unsqueeze(1))
    assert torch.equal(each.squeeze(1), spread_noise(draws, 9))


# The objective


@pytest.fixture
def players():
    """Small and smooth players in double precision: 4 features, 2 codes, 1 noise."""
    torch.manual_seed(0)
    generator = Generator(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), 2, 1)
    generator.adapt(-3.0, 5.0)
    trunk = nn.Sequential(nn.Linear(4, 5), nn.Tanh())
    players = {
        "generator": generator,
        "discriminator": Discriminator(trunk, nn.Linear(5, 1)),
        "recognition": nn.Linear(5, 2),
    }
    return nn.ModuleDict(players).double()


@pytest.fixture
def batch(rng):
    x, noise = rng.uniform(-3, 5, size=(1, 6, 4)), rng.normal(size=(1, 6, 5))
    return Batch(torch.from_numpy(x), torch.from_numpy(noise), n_rows=20)


WEIGHTS = {"information_weight": 0.7, "instance_noise": 0.3}


def test_the_losses_are_the_written_formulas(players, batch):
    losses = InfoGAN.objective(players, batch, **WEIGHTS)
    noise = batch.noise[0]
    codes = 2 * torch.from_numpy(norm.cdf(noise[:, :2])) - 1
    made = players["generator"].network(torch.cat([codes, noise[:, 2:3]], dim=1))
    instance = 0.3 * spread_noise(noise[:, 3:], 8)
    trunk, judge = players["discriminator"].trunk, players["discriminator"].judge
    seen = trunk(made + instance[:, 4:])
    real = judge(trunk((batch.x[0] - 1) / 4 + instance[:, :4])).sigmoid().squeeze(1)
    fake = judge(seen).sigmoid().squeeze(1)
    error = (players["recognition"](seen) - codes) ** 2
    price = 0.7 * 0.5 * error.sum(dim=1)
    expected = {
        "generator": (price - fake.log()).mean(),
        "discriminator": (price - real.log() - (1 - fake).log()).mean(),
        "recognition": price.mean(),
    }
    assert list(losses.players) == list(players)
    for player, loss in losses.players.items():
        torch.testing.assert_close(loss, expected[player])
    torch.testing.assert_close(losses.report["squared_error"], error)


@pytest.mark.parametrize("player", ["generator", "discriminator", "recognition"])
def test_gradients_agree_with_finite_differences(players, batch, player):
    def loss(*_):
        return InfoGAN.objective(players, batch, **WEIGHTS).players[player]

    assert torch.autograd.gradcheck(loss, list(players[player].parameters()))


def test_whole_weights_are_repeated_rows(players, batch):
    counts = torch.tensor([1, 3, 2, 1, 4, 1])
    repeated = Batch(
        batch.x.repeat_interleave(counts, dim=1),
        batch.noise.repeat_interleave(counts, dim=1),
        n_rows=12,
    )
    theirs = InfoGAN.objective(players, repeated, **WEIGHTS).players
    weighed = Batch(batch.x, batch.noise, 6, counts.double())
    ours = InfoGAN.objective(players, weighed, **WEIGHTS).players
    for player, loss in ours.items():
        torch.testing.assert_close(loss, theirs[player])


def test_a_training_step_gives_each_player_its_own_gradient(digits):
    """At the same weights: none of them moves before the others have looked."""
    gan = fast().fit(digits[:64])
    net = gan.net_
    noise = torch.randn(1, 32, 7, generator=torch.Generator().manual_seed(0))
    batch = Batch(torch.tensor(digits[None, :32]), noise, n_rows=64)
    weights = {"information_weight": 1.0, "instance_noise": 0.0}  # as at the end
    expected = {}
    for player, module in net.module_.items():
        loss = gan.objective(net.module_, batch, **weights).players[player]
        expected[player] = torch.autograd.grad(loss, list(module.parameters()))
    net.train_step(batch)
    for player, module in net.module_.items():
        for parameter, gradient in zip(
            module.parameters(), expected[player], strict=True
        ):
            torch.testing.assert_close(parameter.grad, gradient)


def test_spectral_normalisation_divides_by_the_largest_singular_value():
    torch.manual_seed(0)
    layer = SpectralNorm(nn.Linear(7, 5, bias=False))
    for _ in range(200):
        layer(torch.randn(2, 7))
    largest = torch.linalg.matrix_norm(layer.layer.weight, 2)
    x = torch.randn(3, 7)
    torch.testing.assert_close(layer(x), layer.layer(x) / largest, rtol=1e-4, atol=1e-5)


# Optimizers and schedules


def test_every_player_has_its_own_optimizer(digits):
    net = fast(learning_rate_init=5e-4).fit(digits[:64]).net_
    groups = {
        player: net.optimizer_of(player).param_groups[0] for player in net.module_
    }
    rates = {player: group["lr"] for player, group in groups.items()}
    assert rates == {"generator": 5e-4, "discriminator": 2e-4, "recognition": 2e-4}
    assert {group["betas"] for group in groups.values()} == {(0.5, 0.999)}


def test_net_params_and_solver_reach_the_optimizers(digits):
    params = {"discriminator_optimizer__lr": 2e-3, "optimizer__betas": (0.1, 0.9)}
    net = fast(net_params=params).fit(digits[:64]).net_
    assert net.optimizer_of("discriminator").param_groups[0]["lr"] == 2e-3
    assert net.optimizer_of("generator").param_groups[0]["betas"] == (0.1, 0.9)
    net = fast(solver="rmsprop").fit(digits[:64]).net_
    assert isinstance(net.optimizer_of("generator"), torch.optim.RMSprop)
    assert isinstance(net.optimizer_of("recognition"), torch.optim.Adam)


def test_the_instance_noise_falls_to_0(digits):
    gan = fast(max_iter=4, instance_noise=0.2).fit(digits[:64])
    np.testing.assert_allclose(
        gan.history_["instance_noise"], [0.15, 0.1, 0.05, 0], atol=1e-12
    )
    constant = fast(noise_schedule="constant").fit(digits[:64])
    assert "instance_noise" not in constant.history_
    assert not np.array_equal(
        constant.loss_curve_, fast(max_iter=2).fit(digits[:64]).loss_curve_
    )


# Information


class Line(nn.Module):
    """The first latent, a code, plus a little of the second, which is noise."""

    def __init__(self, std):
        super().__init__()
        self.slopes = nn.Parameter(torch.tensor([[1.0, std]]))

    def forward(self, latents):
        return latents @ self.slopes.T


def linear_gaussian(std):
    """Train a recognition on x = c + std z, by a generator that stands still."""

    def network(n_features, n_components, n_noise):
        trunk = nn.Sequential(nn.Linear(1, 32), nn.Tanh())
        return Line(std), trunk, nn.Linear(32, 1), nn.Linear(32, 1)

    return InfoGAN(
        1,
        n_noise=1,
        network=network,
        instance_noise=0,
        learning_rate_init=1e-12,
        net_params={
            "discriminator_optimizer__lr": 1e-2,
            "recognition_optimizer__lr": 1e-2,
        },
        max_iter=40,
        random_state=0,
    )


def true_information(std):
    """Integrate -p(x) log p(x), and take off the entropy of the noise."""
    x = np.linspace(-1 - 8 * std, 1 + 8 * std, 20_001)
    p = 0.5 * (norm.cdf((1 - x) / std) - norm.cdf((-1 - x) / std))
    entropy = -np.trapezoid(np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0), x)
    return entropy - 0.5 * np.log(2 * np.pi * np.e * std**2)


@pytest.mark.parametrize("std", [0.05, 0.1])
def test_the_information_of_a_linear_gaussian_code(std, rng):
    """Within 5 %, and never above: the standard error is 0.008 nats of 8,192 draws."""
    x = rng.uniform(-1, 1, size=(1000, 1)) + std * rng.normal(size=(1000, 1))
    gan = linear_gaussian(std).fit(np.clip(x, -1, 1))
    (found,) = gan.information_
    assert found == pytest.approx(true_information(std), rel=0.05)
    assert found < true_information(std) + 0.008


def test_a_code_that_tells_nothing_has_no_information():
    assert information(np.array([1 / 3, 1.0])).tolist() == [0, 0]
    bound = information(np.array([0.01]))[0]
    assert bound == pytest.approx(math.log(2) + norm(scale=0.1).logpdf(0) - 0.5)


def test_codes_are_ordered_by_their_information(digits):
    gan = fast(n_components=5, max_iter=20, hidden_layer_sizes=(64,)).fit(digits)
    assert (np.diff(gan.information_) <= 0).all()
    assert gan.n_active_components_ == (gan.information_ > 0.01).sum() > 1
    order = gan.net_.module_["generator"].order
    assert not torch.equal(order, torch.arange(5))
    codes = np.random.default_rng(0).uniform(-1, 1, size=(4000, 5))
    with torch.no_grad():
        module = gan.net_.module_["generator"]
        noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
        own = torch.from_numpy(codes).float()[:, order.argsort()]
        made = module.center + module.scale * module(torch.cat([own, noise], dim=1))
    errors = ((gan.transform(made.numpy()) - codes) ** 2).mean(axis=0)
    np.testing.assert_allclose(information(errors), gan.information_, atol=0.06)
    curve = gan.history_["information"]
    assert curve.shape == (20, 5)
    np.testing.assert_allclose(curve[-1], gan.information_, atol=0.3)


# Collapse and divergence


@pytest.mark.filterwarnings("default:No latent of this")
def test_a_collapse_is_named(digits):
    with pytest.warns(UserWarning, match="every information_ is below .* change infor"):
        fast(learning_rate_init=1e-12, max_iter=1).fit(digits[:100])


def test_divergence_names_what_to_lower(digits):
    with pytest.raises(ValueError, match="lower learning_rate_init or information_wei"):
        fast(information_weight=1e38).fit(digits * np.float32(1e3))


def test_a_failed_fit_leaves_the_last_one(digits):
    gan = fast().fit(digits[:100])
    before = gan.transform(digits)
    with pytest.raises(ValueError, match="stopped being finite"):
        gan.set_params(information_weight=1e38).fit(digits[:100])
    np.testing.assert_array_equal(gan.transform(digits), before)


# What there is, and what is not


@pytest.mark.parametrize("name", ["score", "score_samples"])
def test_there_is_no_score_and_asking_says_why(digits, name):
    gan = fast()
    assert not hasattr(gan, name)
    assert not hasattr(InfoGAN, name)
    with pytest.raises(AttributeError, match=f"how likely they are.* no {name}: judge"):
        getattr(gan.fit(digits[:64]), name)
    search = ReplicaGridSearch(gan, {}, n_replicas=2, random_state=0)
    assert not hasattr(search, name)


def test_there_is_no_early_stopping(digits):
    assert "early_stopping" not in fast().get_params()
    with pytest.raises(ValueError, match="leave X_val out"):
        fast().fit(digits[:64], X_val=digits[64:])


def test_gaps_are_refused(digits):
    X = digits[:64].copy()
    X[3, 5] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        fast().fit(X)


def test_codes_and_rows_keep_their_units(digits):
    X = digits * 40 - 10
    gan, of_scaled = fast(max_iter=5).fit(digits), fast(max_iter=5).fit(X)
    Z = gan.transform(digits)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(of_scaled.transform(X), Z, atol=1e-3)
    decoded = of_scaled.inverse_transform(Z)
    np.testing.assert_allclose(decoded, gan.inverse_transform(Z) * 40 - 10, atol=0.1)
    assert decoded.min() >= -10
    assert decoded.max() <= 30
    drawn = of_scaled.sample(50, random_state=1)
    assert drawn.shape == (50, 64)
    np.testing.assert_array_equal(drawn, of_scaled.sample(50, random_state=1))
    with pytest.raises(ValueError, match="X has 3 columns, but InfoGAN has 2"):
        gan.inverse_transform(np.zeros((1, 3)))


def test_inverse_transform_has_no_noise(digits):
    gan = fast().fit(digits)
    generator = gan.net_.module_["generator"]
    codes = torch.tensor([[0.5, -0.25]])
    latents = torch.cat([codes[:, generator.order.argsort()], torch.zeros(1, 3)], dim=1)
    with torch.no_grad():
        expected = generator.center + generator.scale * generator.network(latents)
    np.testing.assert_allclose(gan.inverse_transform(codes), expected, rtol=1e-5)


def test_columns_far_from_0(rng):
    seconds = 1.7e9 + rng.uniform(0, 100, size=(300, 1))
    gan = fast(max_iter=60).fit(seconds)
    decoded = gan.inverse_transform(gan.transform(seconds))
    assert decoded.dtype == np.float64
    assert (abs(decoded - seconds.mean()) < 60).all()


def test_a_first_chunk_of_one_row_does_not_fix_the_scale(rng):
    X = 100 * rng.normal(size=(200, 3))
    gan = fast().partial_fit(np.ones((1, 3))).partial_fit(X)
    low, high = X.min(), X.max()
    generator = gan.net_.module_["generator"]
    assert generator.center.item() == pytest.approx((low + high) / 2, rel=1e-4)
    assert generator.half_range.item() == pytest.approx((high - low) / 2, rel=1e-4)


@pytest.mark.parametrize("network", ["higgins_gan", "lin_gan"])
def test_the_papers_networks(network):
    X = make_blobs2d(32, image_size=16, std=0.15, random_state=0).data
    gan = fast(network=network, n_components=5, batch_size=16).fit(X)
    assert gan.transform(X).shape == (32, 5)
    assert gan.sample(3, random_state=0).shape == (3, 256)
    with pytest.raises(ValueError, match="multiples of"):
        fast(network=network, image_shape=(14, 18)).fit(X[:, : 14 * 18])


@pytest.mark.parametrize(("n_rows", "batch_size"), [(1, 8), (17, 8), (16, 1)])
def test_batch_normalisation_needs_two_rows(n_rows, batch_size, digits):
    X = np.tile(digits[:n_rows], 4)
    with pytest.raises(ValueError, match=r"a single row .* another batch_size"):
        fast(network="lin_gan", batch_size=batch_size).fit(X)


def test_a_network_of_the_wrong_width_is_named(digits):
    def network(n_features, n_components, n_noise):
        trunk, judge = nn.Linear(n_features, 8), nn.Linear(8, 1)
        generator = nn.Linear(n_components + n_noise, n_features)
        return generator, trunk, judge, nn.Linear(8, n_components + 1)

    with pytest.raises(ValueError, match="The recognition that `network` returned"):
        fast(network=network).fit(digits)


# Where it goes


def through_skops(estimator):
    data = skops_io.dumps(estimator)
    unknown = skops_io.get_untrusted_types(data=data)
    assert unknown == ["sk_bvae.estimators._info_gan.InfoGAN"]
    return skops_io.loads(data, trusted=unknown)


ROUND_TRIPS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "skops": through_skops,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_a_loaded_estimator_goes_on_to_the_same_bits(digits, trip):
    gan = fast().fit(digits[:128])
    loaded = trip(gan)
    for one in (gan, loaded):
        one.partial_fit(digits[:128])
    np.testing.assert_array_equal(loaded.transform(digits), gan.transform(digits))
    for name, curve in gan.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], curve)


def test_pipelines_and_searches(digits):
    y = np.arange(200)[:, None] % [2, 3]
    pipeline = make_pipeline(StandardScaler(), fast())
    search = GridSearchCV(
        pipeline,
        {"infogan__information_weight": [0.5, 1.0]},
        scoring=make_disentanglement_scorer("mig"),
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(digits[:200], y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.inverse_transform(search.transform(digits[:3])).shape == (3, 64)


@pytest.mark.parametrize("scoring", ["udr", "mig"])
def test_searches_over_replicas(digits, scoring, capsys):
    y = np.arange(200)[:, None] % [2, 3]
    search = ReplicaGridSearch(
        fast(max_iter=30, batch_size=16, hidden_layer_sizes=(32,)),
        {"information_weight": [0.5, 1.0], "instance_noise": [0.1, 0.2]},
        n_replicas=2,
        scoring=scoring,
        verbose=1,
        random_state=0,
    ).fit(digits[:200], y if scoring == "mig" else None)
    assert "8 fits in 1 stacks" in capsys.readouterr().out
    assert np.isfinite(search.cv_results_["mean_score"]).all()
    assert search.transform(digits[:3]).shape == (3, 2)


def test_displays(digits):
    gan = fast().fit(digits)
    traversal = LatentTraversalDisplay.from_estimator(gan)
    ends = gan.inverse_transform([[-1, 0], [1, 0]])
    np.testing.assert_allclose(traversal.traversals[0, [0, -1]], ends, rtol=1e-5)
    assert traversal.latent_names[0].startswith("z0  ")
    assert "information" in TrainingDisplay.from_estimator(gan).latent_lines_
    SampleDisplay.from_estimator(gan)
    ReconstructionDisplay.from_estimator(gan, digits)


# Two factors


def r2_and_correlations(gan, blobs):
    """Regress the factors on the codes; correlate each code with each factor."""
    Z, Y = gan.transform(blobs.data), blobs.target.astype(float)
    folds = KFold(5, shuffle=True, random_state=0)
    r2 = cross_val_score(KNeighborsRegressor(), Z, Y, cv=folds, scoring="r2").mean()
    return r2, spearmanr(np.hstack([Z, Y])).statistic[:2, 2:]


@pytest.mark.slow
def test_two_codes_tell_where_a_blob_is(capsys):
    """In two seeds of three at least."""
    blobs = make_blobs2d(4000, image_size=16, std=0.1, random_state=0)
    scores = []
    for seed in range(3):
        gan = InfoGAN(2, max_iter=64, random_state=seed).fit(blobs.data)
        r2, correlations = r2_and_correlations(gan, blobs)
        scores.append(r2)
        with capsys.disabled():
            print(f"\nseed {seed}: R2 {r2:.3f}, {correlations.round(2).tolist()}")  # noqa: T201
    assert sorted(scores)[1] > 0.9
