"""Stacked nets are the nets that lone fits give."""

import gc
import weakref

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from torch import nn

import sk_bvae
from sk_bvae import BetaVAE, CapacityVAE, FactorVAE, InfoGAN
from sk_bvae.datasets import make_blobs2d
from sk_bvae.estimators import _factor_vae
from sk_bvae.estimators._fitting import make_rows, prepare
from sk_bvae.model_selection import ReplicaGridSearch, _plan
from sk_bvae.nn import Batch
from sk_bvae.training import precision
from sk_bvae.training.rows import Rows
from sk_bvae.training.stack import Stack, Views

pytestmark = [
    pytest.mark.filterwarnings("ignore:No latent"),  # a few steps make none
    pytest.mark.usefixtures("small_discriminator"),
]


class Gate(nn.Module):
    """Multiplies what it gets by what it makes of it."""

    def __init__(self, width):
        super().__init__()
        self.gate = nn.Linear(width, width)

    def forward(self, x):
        return x * self.gate(x).sigmoid()


def gated(n_features, n_components):
    encoder = nn.Sequential(
        # no bias: what follows takes it out, and its gradient would be rounding noise
        nn.Linear(n_features, 24, bias=False),
        nn.BatchNorm1d(24),
        Gate(24),
        nn.LayerNorm(24),
    )
    encoder.append(nn.Linear(24, 2 * n_components))
    decoder = nn.Sequential(nn.Linear(n_components, 24), nn.SiLU(), Gate(24))
    decoder.append(nn.Linear(24, n_features))
    return encoder, decoder


# Every model with one network, and one model with every network.
CASES = [(getattr(sk_bvae, name), "mlp") for name in sk_bvae.__all__]
CASES += [(CapacityVAE, "burgess_conv"), (CapacityVAE, "custom")]
STOPPING_CASES = [case for case in CASES if case[0] is not InfoGAN]

NETWORKS = {
    "mlp": {"hidden_layer_sizes": (32,)},
    "burgess_conv": {"network": "burgess_conv"},
    "custom": {"network": gated},
    "lin_gan": {"network": "lin_gan"},
}
SMALL = {
    "n_components": 4,
    "likelihood": "bernoulli",
    "batch_size": 32,
    "init": "random",
    "early_stopping": False,
}


BLOBS = make_blobs2d(640, image_size=16, std=0.15, random_state=0)


def make_one(Estimator, network, **params):
    params = {**SMALL, **NETWORKS[network], **params}
    if Estimator is InfoGAN:
        del params["likelihood"], params["init"], params["early_stopping"]
    return Estimator(**params)


@pytest.fixture
def images():
    """640 grey images of 16 x 16 pixels."""
    return BLOBS.data


@pytest.fixture
def factors():
    """What they show, for models that ask for it."""
    return BLOBS.target


def other_weights(Estimator):
    """Name two values of each weight of an objective."""
    defaults = Estimator()._weights()
    return {name: [value / 4, value] for name, value in defaults.items()}


def make_estimators(Estimator, network, **params):
    """Make three estimators that differ in seed and, two of them, in weights."""
    grid = other_weights(Estimator)
    small, large = (
        {name: values[end] for name, values in grid.items()} for end in (0, 1)
    )
    return [
        make_one(Estimator, network, random_state=seed, **weights, **params)
        for seed, weights in enumerate([small, large, large])
    ]


def prepare_all(estimators, X, y=None):
    rows = make_rows(estimators[0], X, groups=estimators[0]._groups(X, y, None))
    return [prepare(estimator, rows) for estimator in estimators], rows


def train_epoch(stack, rows):
    stack.train_epoch(Views([rows] * len(stack.nets)))


def test_a_nets_rows_that_count_alike_have_weights_beside_others():
    rows = Rows(np.arange(12.0).reshape(6, 2), torch.device("cpu"))
    weighed = rows.weigh(np.array([1.0, 1.0, 1.0, 1.0, 2.0, 6.0]))
    first = weighed.restrict(torch.arange(4))
    last = weighed.restrict(torch.arange(2, 6))
    views = Views([first, last])
    order = torch.tensor([[3, 1], [3, 0]])
    np.testing.assert_allclose(views.weight_of(order), [[1, 1], [2.4, 0.4]])
    assert Views([first, first]).weight_of(order) is None


def relative_differences(net, other):
    for name, tensor in net.module_.state_dict().items():
        if name == "vae.center":  # of whole rows it is known once a fit has ended
            continue
        own, their = tensor.double(), other.module_.state_dict()[name].double()
        yield name, float((own - their).norm() / their.norm().clamp(min=1e-3))


def search_all(vae, grid, X, y=None):
    """Fit three replicas of each candidate, and keep them all."""
    search = ReplicaGridSearch(
        vae,
        grid,
        n_replicas=3,
        scoring=lambda estimator, X, y: 0.0,
        return_estimators=True,
        random_state=0,
    )
    return search.fit(X, y).estimators_


def assert_same_weights(stacked, lone):
    for name, difference in relative_differences(stacked.net_, lone.net_):
        # A discriminator starts where its gradient is a small difference of large
        # terms, and Adam makes steps of its rounding: float64 has to tell, below.
        # Latents may swap places where they carry the same.
        if name.startswith(("vae.", "generator.")) and not name.endswith(".order"):
            assert difference < 1e-3, name


def same_order(lone, net):
    """Undo the sorting of latents that follows a lone fit."""
    lone.module_["vae"].order.copy_(net.module_["vae"].order)
    return lone


@pytest.mark.parametrize(("Estimator", "network"), CASES)
def test_a_search_gives_what_lone_fits_give(
    images, factors, Estimator, network, monkeypatch
):
    """After 20 steps, in float32."""
    monkeypatch.setattr(precision, "SMALL_STEP_FLOPS", np.inf)
    vae = make_one(Estimator, network, max_iter=1)
    assert _plan.stack_size(vae, *images.shape) > 1
    grid = {name: values[:1] for name, values in other_weights(Estimator).items()}
    (weights,) = ParameterGrid(grid)
    for stacked in search_all(vae, grid, images, factors)[0]:
        lone = clone(stacked).set_params(**weights).fit(images, factors)
        assert_same_weights(stacked, lone)


@pytest.mark.parametrize(("Estimator", "network"), [*CASES, (InfoGAN, "lin_gan")])
def test_weights_after_20_steps_in_float64(images, factors, Estimator, network):
    assert_same_steps_in_float64(Estimator, network, images, factors)


@pytest.mark.slow
def test_the_papers_discriminator(images, factors, monkeypatch):
    monkeypatch.setattr(_factor_vae, "WIDTHS", (1000,) * 6)
    assert_same_steps_in_float64(FactorVAE, "mlp", images, factors)


def assert_same_steps_in_float64(Estimator, network, images, factors):
    """Take 20, stacked and alone, with the same batches and noise."""
    estimators = make_estimators(Estimator, network, max_iter=1)
    (nets, rows), (lone_nets, _) = (
        prepare_all(estimators, images, factors) for _ in range(2)
    )
    for net in nets + lone_nets:
        net.module_.double()
    stack = Stack(nets)
    passes = [net.get_iterator(rows, training=True) for net in nets]
    for step, batches in enumerate(zip(*passes, strict=True)):
        batches = [
            batch._replace(x=batch.x.double(), noise=batch.noise.double())
            for batch in batches
        ]
        stack.step(stack_batches(batches))
        for net, batch in zip(lone_nets, batches, strict=True):
            net.train_step(batch)
        for progress in [stack.progress, *(net.progress_ for net in lone_nets)]:
            progress.epochs = (step + 1) / 20
    stack.unstack()
    for net, lone in zip(nets, lone_nets, strict=True):
        for name, difference in relative_differences(net, lone):
            assert difference < 1e-8, name


def stack_batches(batches):
    """Put batches together along a leading dimension."""
    return Batch(
        *(
            torch.stack(parts) if isinstance(parts[0], torch.Tensor) else parts[0]
            for parts in zip(*batches, strict=True)
        )
    )


@pytest.mark.usefixtures("may_waste_nats")
@pytest.mark.parametrize(("Estimator", "network"), CASES)
def test_curves_of_three_epochs(images, factors, Estimator, network):
    estimators = make_estimators(Estimator, network, max_iter=3)
    given = images[:600], factors[:600]  # a last batch of 24
    nets, rows = prepare_all(estimators, *given)
    stack = Stack(nets)
    for _ in range(3):
        train_epoch(stack, rows)
    for estimator, net in zip(estimators, nets, strict=True):
        lone = estimator.fit(*given)
        stacked_terms, lone_terms = net.curves_.terms, lone.net_.curves_.terms
        assert stacked_terms.keys() == lone_terms.keys()
        for name, curve in stacked_terms.items():
            np.testing.assert_allclose(
                curve, lone_terms[name], rtol=0.01, atol=0.01, err_msg=name
            )


@pytest.mark.parametrize(("Estimator", "network"), STOPPING_CASES)
def test_early_stopping_is_that_of_lone_fits(
    images, factors, Estimator, network, monkeypatch
):
    """The same rows are held out, and the same epoch is the best."""
    monkeypatch.setattr(precision, "SMALL_STEP_FLOPS", np.inf)
    stopping = {"early_stopping": True, "n_iter_no_change": 2, "tol": 20.0}
    vae = make_one(Estimator, network, max_iter=6, **stopping)
    given = images[:300], factors[:300]
    for stacked in search_all(vae, {}, *given)[0]:
        lone = clone(stacked).fit(*given)
        assert stacked.n_iter_ == lone.n_iter_
        ours, theirs = stacked.history_, lone.history_
        assert ours.keys() == theirs.keys()
        for name in ("loss", "validation_loss"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=0.01)
        assert_same_weights(stacked, lone)


@pytest.mark.parametrize("betas", [[1e5, 0.0], [0.0, 1e5]])
def test_a_net_that_has_stopped_waits_for_the_others(images, betas):
    grid = {"beta": betas}  # of which that of 0 falls by less than tol
    stopping = {"early_stopping": True, "n_iter_no_change": 1, "tol": 100.0}
    vae = BetaVAE(max_iter=2, **{**SMALL, **stopping})
    stopped, trained = sorted(
        search_all(vae, grid, images), key=lambda replicas: replicas[0].beta
    )
    assert [vae.n_iter_ for vae in trained] == [2, 2, 2]
    for vae in stopped:
        assert vae.n_iter_ == len(vae.history_["validation_loss"]) == 1
        start = clone(vae).set_params(learning_rate_init=1e-12).fit(images)
        expected = start.transform(images)
        np.testing.assert_allclose(vae.transform(images), expected, atol=1e-4)


def test_the_members_differ(images):
    """Else the comparisons above would compare one model with itself."""
    nets, rows = prepare_all(make_estimators(BetaVAE, "mlp"), images)
    stack = Stack(nets)
    train_epoch(stack, rows)
    losses = [net.history[-1, "train_loss"] for net in nets]
    assert np.ptp(losses) > 0.1
    stack.unstack()
    differences = dict(relative_differences(nets[1], nets[2]))
    assert differences["vae.encoder.0.weight"] > 0.1


@pytest.mark.parametrize("solver", ["adam", "adagrad", "adamw", "rmsprop"])
def test_a_net_goes_on_alone_where_the_stack_left_it(images, solver):
    estimators = make_estimators(BetaVAE, "mlp", max_iter=4, solver=solver)
    nets, rows = prepare_all(estimators, images)
    stack = Stack(nets)
    for _ in range(2):
        train_epoch(stack, rows)
    stack.unstack()
    for estimator, net in zip(estimators, nets, strict=True):
        net.initialize_callbacks()
        net.partial_fit(rows, epochs=2)
        lone = estimator.fit(images)
        losses = [epoch["train_loss"] for epoch in net.history]
        np.testing.assert_allclose(losses, lone.loss_curve_, rtol=1e-3)


def test_options_of_the_optimizer_reach_the_stack(images):
    options = {
        "optimizer__weight_decay": 0.1,
        "optimizer__param_groups": [("decoder.*", {"lr": 0.0})],
    }
    estimators = make_estimators(BetaVAE, "mlp", max_iter=1, net_params=options)
    nets, rows = prepare_all(estimators, images)
    stack = Stack(nets)
    train_epoch(stack, rows)
    stack.unstack()
    for estimator, net in zip(estimators, nets, strict=True):
        lone = same_order(estimator.fit(images).net_, net)
        assert max(dict(relative_differences(net, lone)).values()) < 1e-3


def test_a_loss_that_is_not_finite_leaves_the_others_alone(images):
    estimators = make_estimators(BetaVAE, "mlp", max_iter=2)
    nets, rows = prepare_all(estimators, images)
    stack = Stack(nets)
    stack.parameters["players.vae.encoder.0.weight"].data[1] = torch.nan
    for _ in range(2):
        train_epoch(stack, rows)
    assert list(stack.failures) == [nets[1]]
    assert stack.failures[nets[1]].epoch == 1
    lone = estimators[0].fit(images)
    losses = [epoch["train_loss"] for epoch in nets[0].history]
    np.testing.assert_allclose(losses, lone.loss_curve_, rtol=1e-4)


def test_a_stack_that_nobody_holds_is_gone(images):
    """At once, and not when Python next looks for cycles: it can be large."""
    nets, rows = prepare_all(make_estimators(BetaVAE, "mlp"), images)
    stack = Stack(nets)
    train_epoch(stack, rows)
    stack.unstack()
    stacked = weakref.ref(next(iter(stack.parameters.values())))
    gc.disable()
    try:
        del stack
        assert stacked() is None
    finally:
        gc.enable()
