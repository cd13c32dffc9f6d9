"""The compiler gets the whole objective as one graph, and no new one at each step."""

import pickle

import numpy as np
import pytest
import torch
from torch._dynamo import lookup_backend

from sk_bvae import DCIGN, DIPVAE, BetaTCVAE, BetaVAE, CapacityVAE

MODELS = [
    BetaVAE(),
    BetaVAE(likelihood="bernoulli", precision="bfloat16"),
    CapacityVAE(capacity=2.0, capacity_ramp=1.0),
    BetaTCVAE(),
    DIPVAE(kind="ii"),
    DCIGN(),
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
    return np.random.default_rng(0).random((72, 6)).astype(np.float32)


def fit(model, X, compiler=None, sample_weight=None, **params):
    model = type(model)(**{**model.get_params(), **params})
    model.set_params(n_components=2, batch_size=16, random_state=0)
    model.set_params(net_params=compiler)
    y = X[:, :1].round() if isinstance(model, DCIGN) else None
    return model.fit(X, y, sample_weight=sample_weight)


COMPILER = {"compile": True, "compile__backend": keep, "compile__fullgraph": True}


@pytest.mark.filterwarnings("ignore:.*say nothing of the rows:UserWarning")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model)[:40])
def test_compiled_is_one_graph_that_takes_the_same_steps(model, X, graphs):
    plain = fit(model, X, max_iter=8)
    compiled = fit(model, X, COMPILER, max_iter=8)
    # one for a whole batch, for a short one, for a gradual weight, and to validate
    assert 0 < len(graphs) <= 4
    np.testing.assert_array_equal(compiled.loss_curve_, plain.loss_curve_)
    np.testing.assert_array_equal(compiled.transform(X), plain.transform(X))


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
