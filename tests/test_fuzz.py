"""Any data, parameters and order of calls: a documented error, or a finite model."""

import os
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skorch.callbacks import Callback

import sk_bvae

# FactorVAE's discriminator of 1,000 units makes an example slow, and DCIGN asks for y.
MODELS = sorted(set(sk_bvae.__all__) - {"DCIGN", "FactorVAE"})

DOCUMENTED = (
    ValueError,
    TypeError,
    Interrupted := type("Interrupted", (Exception,), {}),
)

DTYPES = ["float64", "float32", "float16", "int64", "int8", "uint8", "uint16", "bool"]
CONTAINERS = {
    "array": lambda X: X,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "list": lambda X: X.tolist(),
    "frame": lambda X: pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]),
}


@st.composite
def tables(draw, n_features):
    """Rows of numbers, small or large, near 0 or far from it, or constant."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(draw(st.integers(1, 12)), n_features))
    X *= 10.0 ** draw(st.integers(-6, 6))
    X += draw(st.sampled_from([0, 0, 1, -1e3, 1e9]))
    X[:, rng.uniform(size=n_features) < 0.2] = draw(st.sampled_from([0, 1]))
    if draw(st.integers(0, 9)) == 0:
        X.flat[rng.integers(X.size)] = draw(st.sampled_from([np.nan, np.inf, 1e300]))
    if draw(st.booleans()):
        X = rng.integers(0, 2, size=X.shape)
    with np.errstate(all="ignore"):
        X = X.astype(draw(st.sampled_from(DTYPES)))
    return CONTAINERS[draw(st.sampled_from(sorted(CONTAINERS)))](X)


PARAMS = {
    "n_components": st.sampled_from([1, 2, 3, 0, 2.5]),
    "hidden_layer_sizes": st.sampled_from([(), (4,), [3, 3], 5, (0,), (2.5,), "wide"]),
    "activation": st.sampled_from(["relu", "tanh", "sine"]),
    "likelihood": st.sampled_from(["gaussian", "bernoulli", "cauchy"]),
    "noise_variance": st.sampled_from([None, 1.0, 1e-9, -1.0]),
    "init": st.sampled_from(["random", "pca", "pcb"]),
    "solver": st.sampled_from(["adam", "adagrad", torch.optim.SGD, "sgdd"]),
    "learning_rate_init": st.sampled_from([1e-3, 0.1, 1e30, 0]),
    "batch_size": st.sampled_from([1, 3, 64, -1]),
    "max_iter": st.sampled_from([1, 2, 0]),
    "early_stopping": st.booleans(),
    "validation_fraction": st.sampled_from([0.1, 0.5, 1.5]),
    "warm_start": st.booleans(),
    "random_state": st.sampled_from([0, None, "seed"]),
}


class Interrupt(Callback):
    """Fails at the second batch, while armed."""

    def __init__(self):
        self.armed, self.batches = False, 0

    def on_batch_end(self, net, batch, training, **kwargs):
        self.batches += 1
        if self.armed and self.batches % 2 == 0:
            raise Interrupted


def content(X):
    """Return a copy of the data, for comparison."""
    return pickle.dumps(X if isinstance(X, list | pd.DataFrame) else np.asarray(X))


def answers(vae):
    """What a fitted model says, on rows of its own making."""
    if not hasattr(vae, "net_"):
        return None
    nats = getattr(vae, vae.nats)
    Z = np.linspace(-1, 1, 2 * len(nats), dtype=np.float32).reshape(2, -1)
    X = vae.inverse_transform(Z)
    return [
        vae.transform(X),
        *([vae.score_samples(X, n_draws=2)] if hasattr(vae, "score") else []),
        X,
        vae.sample(2, random_state=0),
        nats,
        *vae.history_.values(),
    ]


def assert_same(before, after):
    assert (before is None) == (after is None)
    for one, other in zip(before or [], after or [], strict=True):
        np.testing.assert_array_equal(one, other)


def use(vae, X):
    """Encode rows, and score them where there is a score."""
    if hasattr(vae, "net_"):
        assert len(vae.transform(X)) == len(X)
        if hasattr(vae, "score_samples"):
            assert len(vae.score_samples(X, n_draws=1)) == len(X)


def step(draw, vae, interrupt, n_features):
    """Take one random step; return the estimator."""
    action = draw(
        st.sampled_from(["fit", "fit", "partial_fit", "set", "pickle", "use"])
    )
    if action == "set":
        name = draw(st.sampled_from(sorted(PARAMS.keys() & vae.get_params())))
        return vae.set_params(**{name: draw(PARAMS[name])})
    if action == "pickle":
        return pickle.loads(pickle.dumps(vae))
    X = draw(tables(n_features))
    before, data = answers(vae), content(X)
    interrupt.armed = draw(st.integers(0, 4)) == 0
    try:
        if action == "use":
            use(vae, X)
        else:
            getattr(vae, action)(X)
    except DOCUMENTED:
        assert_same(before, answers(vae))
    else:
        for value in answers(vae) or []:
            assert np.isfinite(value).all()
    finally:
        interrupt.armed = False
    assert content(X) == data
    return vae


def check_sequence(data):
    draw = data.draw
    interrupt = Interrupt()
    Model = getattr(sk_bvae, draw(st.sampled_from(MODELS)))
    small = {"n_components": 2, "hidden_layer_sizes": (4,), "max_iter": 2}
    vae = Model(**small, net_params={"callbacks": [interrupt]})
    n_features = draw(st.integers(1, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # dead latents
        # scikit-learn's own search for infinities adds them up
        warnings.filterwarnings("ignore", "invalid value encountered in reduce")
        for _ in range(draw(st.integers(1, 6))):
            if draw(st.integers(0, 9)) == 0:
                n_features = draw(st.integers(1, 4))
            vae = step(draw, vae, interrupt, n_features)


def fuzz(n_examples):
    return settings(
        max_examples=n_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(st.data())(check_sequence))


def test_300_sequences_of_calls():
    fuzz(300)()


@pytest.mark.slow
def test_thousands_of_sequences_of_calls():
    fuzz(int(os.environ.get("SK_BVAE_FUZZ", "3000")))()
