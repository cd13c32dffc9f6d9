"""The compiler gets a whole step as one graph, and no new one at each step."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch._dynamo import lookup_backend

from sk_bvae import (
    DCIGN,
    DIPVAE,
    BetaTCVAE,
    BetaVAE,
    CapacityVAE,
    FactorVAE,
    InfoGAN,
)

MODELS = [
    BetaVAE(),
    BetaVAE(likelihood="bernoulli", precision="bfloat16"),
    CapacityVAE(capacity=2.0, capacity_ramp=1.0),
    BetaTCVAE(),
    DIPVAE(kind="ii"),
    DCIGN(),
    FactorVAE(early_stopping=True),
    InfoGAN(),
]

pytestmark = [
    pytest.mark.filterwarnings("ignore:No latent"),
    pytest.mark.filterwarnings("ignore:precision=:UserWarning"),
]


GRAPHS = []


def keep(graph, inputs):
    """Keep what a compiler is given; run it with gradients such as compilers make."""
    GRAPHS.append(graph)
    return lookup_backend("aot_eager")(graph, inputs)


@pytest.fixture
def graphs():
    torch._dynamo.reset()
    GRAPHS.clear()
    yield GRAPHS
    torch._dynamo.reset()


@pytest.fixture
def X():
    return np.random.default_rng(0).random((88, 6)).astype(np.float32)


def fit(model, X, compiler=None, sample_weight=None, **params):
    model = type(model)(**{**model.get_params(), **params})
    model.set_params(n_components=2, batch_size=16, random_state=0)
    model.set_params(net_params=compiler)
    y = X[:, :1].round() if isinstance(model, DCIGN) else None
    return model.fit(X, y, sample_weight=sample_weight)


COMPILER = {"compile": True, "compile__backend": keep, "compile__fullgraph": True}


@pytest.mark.usefixtures("may_waste_nats")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model)[:40])
def test_compiled_is_one_graph_that_takes_the_same_steps(model, X, graphs):
    plain = fit(model, X, max_iter=8)
    compiled = fit(model, X, COMPILER, max_iter=8)
    assert len(graphs) == 2  # for a whole batch, and for the short one at the end
    np.testing.assert_array_equal(compiled.loss_curve_, plain.loss_curve_)
    np.testing.assert_array_equal(compiled.transform(X), plain.transform(X))


def test_the_graph_has_the_gradients_too(X, graphs):
    fit(BetaVAE(), X, COMPILER, max_iter=2)
    called = {node.target for node in graphs[0].graph.nodes}
    assert torch.autograd.grad in called


def test_another_weight_takes_no_other_graph(X, graphs):
    for beta in (1.0, 2.0, 3):
        fit(BetaVAE(beta=beta), X, COMPILER, max_iter=1)
    assert len(graphs) == 2


class Unused(nn.Linear):
    def forward(self, x):
        return x


def frozen():
    return nn.Linear(8, 8).requires_grad_(False)


@pytest.mark.parametrize(
    "make_layer",
    [
        lambda: nn.BatchNorm1d(8),
        lambda: nn.Dropout(0.5),
        lambda: Unused(8, 8),
        frozen,
    ],
    ids=["batch_norm", "dropout", "unused", "frozen"],
)
def test_layers_of_other_kinds(X, graphs, make_layer):
    def network(n_features, n_components):
        first, last = nn.Linear(n_features, 8), nn.Linear(8, 2 * n_components)
        encoder = nn.Sequential(first, make_layer(), nn.ReLU(), last)
        return encoder, nn.Linear(n_components, n_features)

    def state_after(compiler):
        torch.manual_seed(0)
        model = BetaVAE(network=network, max_iter=4)
        return fit(model, X, compiler).net_.module_.state_dict()

    compiled, plain = state_after(COMPILER), state_after(None)
    assert len(graphs) == 2
    for name, tensor in plain.items():
        assert torch.equal(compiled[name], tensor), name


class Branching(BetaVAE):
    """Asks for the value of a weight, which no graph can."""

    @staticmethod
    def objective(players, batch, *, beta):
        if beta > 1:
            beta = 2 * beta
        return BetaVAE.objective(players, batch, beta=beta)


# torch's compiler looks at the tensors that cross a break
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_an_objective_in_several_graphs(X, graphs):
    apart = {**COMPILER, "compile__fullgraph": False}
    compiled, plain = fit(Branching(), X, apart), fit(Branching(), X)
    assert len(graphs) > 2
    np.testing.assert_array_equal(compiled.loss_curve_, plain.loss_curve_)


class OlderConfig:
    """torch's own, without what torch 2.11 added."""

    def __init__(self, config):
        self.config = config

    def __getattr__(self, name):
        if name == "trace_autograd_ops":
            raise AttributeError(name)
        return getattr(self.config, name)


def test_older_torch_loads_what_it_cannot_compile(X, graphs, monkeypatch):
    vae = fit(BetaVAE(), X, COMPILER, max_iter=2)
    monkeypatch.setattr(torch._dynamo, "config", OlderConfig(torch._dynamo.config))
    loaded = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))
    with pytest.raises(ValueError, match=r"needs torch 2\.11 or newer to train"):
        loaded.partial_fit(X)


def test_weighted_rows(X, graphs):
    params = {"sample_weight": np.arange(1.0, len(X) + 1), "max_iter": 3}
    compiled, plain = fit(BetaVAE(), X, COMPILER, **params), fit(BetaVAE(), X, **params)
    assert graphs
    np.testing.assert_array_equal(compiled.loss_curve_, plain.loss_curve_)


def test_going_on_compiles_nothing_again(X, graphs):
    vae = fit(BetaVAE(), X, COMPILER, max_iter=2)
    n_graphs = len(graphs)
    for _ in range(3):
        vae.partial_fit(X)
    assert len(graphs) == n_graphs


def test_going_on_takes_a_compiler_without_a_name(X, graphs):
    params = {"compile": True, "compile__backend": lambda graph, _: graph.forward}
    vae = fit(BetaVAE(), X, params, max_iter=2).partial_fit(X)
    assert vae.n_iter_ == 3
    vae.set_params(net_params={**params, "compile__backend": lambda graph, _: None})
    with pytest.raises(ValueError, match="net_params cannot change"):
        vae.partial_fit(X)


def test_a_compiled_model_goes_through_pickle(X, graphs):
    vae = fit(BetaVAE(), X, COMPILER, max_iter=2)
    loaded = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))
    vae.partial_fit(X)
    torch._dynamo.reset()
    graphs.clear()
    loaded.partial_fit(X)
    assert graphs  # the loaded one is compiled as well
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))
