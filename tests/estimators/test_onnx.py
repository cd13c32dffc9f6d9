"""Conversion to ONNX: the runtime gives what the estimator gives."""

import sys

import numpy as np
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

from sk_bvae import BetaVAE

onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("onnxscript")
pandas = pytest.importorskip("pandas")

EVERYTHING = {"return_std": True, "return_reconstruction": True}


QUICK = {"max_iter": 4, "init": "random", "early_stopping": False, "random_state": 0}


def fitted(X, Estimator=BetaVAE, **params):
    """Fit a few epochs, after which the latents differ and are out of order."""
    return Estimator(5, **QUICK | {"learning_rate_init": 3e-3} | params).fit(X)


def run(model, X):
    """Run a model on an array, or on a DataFrame by columns."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    if isinstance(X, np.ndarray):
        return session.run(None, {"X": X})
    columns = {name: X[[name]].to_numpy() for name in X}
    return session.run(None, columns)


def assert_close(ours, theirs):
    """Compare to 1e-5, of what is asked, or where values are large of their size."""
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def assert_same(estimator, X, model, n_rows=(1, 2, 1000)):
    """Compare everything that can be asked for."""
    for n in n_rows:
        mean, std = estimator.posterior(X[:n])
        outputs = run(model, X[:n])
        expected = [mean, std, estimator.inverse_transform(mean)]
        for ours, theirs in zip(outputs, expected, strict=True):
            assert_close(ours, theirs)


def test_every_model(AnyVAE, digits):
    X = digits.astype(np.float64)
    estimator = fitted(X[:300], AnyVAE)
    order = estimator.net_.module_["vae"].order
    assert not torch.equal(order, torch.arange(5))
    model = skl2onnx.to_onnx(estimator, X, options={AnyVAE: EVERYTHING})
    assert_same(estimator, X, model)


def odd_networks(n_features, n_components):
    """Layers that behave otherwise in training, and one that leaves inputs out."""
    layers = [nn.Linear(n_features, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Dropout()]
    encoder = nn.Sequential(*layers, nn.Linear(16, 2 * n_components))
    layers = [nn.Linear(n_components, 16), nn.Unflatten(1, (1, 4, 4))]
    layers += [nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1)]
    return encoder, nn.Sequential(*layers, nn.Flatten())


@pytest.mark.parametrize(
    ("network", "params"),
    [
        ("higgins_fc", {"likelihood": "bernoulli"}),
        ("higgins_conv", {"noise_variance": 0.1}),
        ("burgess_conv", {"likelihood": "bernoulli"}),
        (odd_networks, {}),
    ],
)
def test_every_network_and_likelihood(digits, network, params):
    X = digits[:200]
    if "conv" in str(network):
        X = X.reshape(-1, 8, 8).repeat(2, axis=1).repeat(2, axis=2).reshape(200, 256)
    estimator = fitted(X, network=network, beta=0.01, **params)
    assert estimator.n_active_components_ > 0
    options = {id(estimator): EVERYTHING}
    model = skl2onnx.to_onnx(estimator, X, options=options)
    assert_same(estimator, X, model, n_rows=(1, 200))


def test_columns_of_several_kinds(rng):
    X = np.empty((200, 8), dtype=np.float32)
    X[:, :2] = rng.normal(size=(200, 2))
    X[:, 2:5] = np.eye(3)[rng.integers(3, size=200)]
    X[:, 5:7] = np.eye(2)[(X[:, 0] > 0).astype(int)]
    X[:, 7] = rng.poisson(np.exp(1 + X[:, 1]))
    estimator = fitted(
        X,
        beta=0.1,
        likelihood=[
            ("gaussian", [0, 1]),
            ("categorical", [2, 3, 4]),
            ("categorical", [5, 6]),
            ("poisson", [7]),
        ],
    )
    options = {id(estimator): EVERYTHING}
    model = skl2onnx.to_onnx(estimator, X, options=options)
    assert_same(estimator, X, model, n_rows=(1, 200))


@pytest.mark.parametrize("gaps_in_training", [True, False])
def test_gaps(digits, rng, gaps_in_training):
    X = np.where(rng.random(digits.shape) < 0.2, np.nan, digits).astype(np.float32)
    estimator = fitted(X if gaps_in_training else digits)
    model = skl2onnx.to_onnx(estimator, X)
    assert_close(run(model, X)[0], estimator.transform(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_far_from_0(digits, dtype):
    """One that float32 cannot tell the values of, and one that it nearly cannot."""
    X = digits.astype(np.float64)
    X[:, 30:34] += [1e8, 100, -300, 0.1]
    X = X.astype(dtype)
    estimator = fitted(X)
    options = {id(estimator): EVERYTHING}
    model = skl2onnx.to_onnx(estimator, X, options=options)
    assert_same(estimator, X, model)
    assert estimator.net_.shift_ is not None


def test_offsets_without_a_shift(digits):
    X = digits[:, 18:22] + np.float32(100)
    estimator = fitted(X, beta=0.1)
    assert estimator.net_.shift_ is None
    (Z,) = run(skl2onnx.to_onnx(estimator, X), X)
    # 300 standard deviations from 0, float32 rounds at 2e-5 of one: both sides do, and
    # not alike where a CPU, or its kernel, cannot multiply and add in one operation
    np.testing.assert_allclose(Z, estimator.transform(X), atol=1e-4)


@pytest.mark.parametrize("shift", [0, 1e8])
def test_decoder(digits, shift):
    X = digits.astype(np.float64)
    X[:, 30] += shift
    estimator = fitted(X)
    Z = np.random.default_rng(0).normal(size=(1000, 5))
    options = {id(estimator): {"inverse_transform": True}}
    model = skl2onnx.to_onnx(estimator, Z, options=options)
    for n in (1, 1000):
        assert_close(run(model, Z[:n])[0], estimator.inverse_transform(Z[:n]))


@pytest.mark.parametrize("dtype", [np.bool_, np.int64])
def test_inputs_that_are_no_floats(digits, dtype):
    X = (digits > 0.5).astype(dtype)
    estimator = fitted(X)
    (Z,) = run(skl2onnx.to_onnx(estimator, X), X)
    assert_close(Z, estimator.transform(X))


@pytest.fixture
def table(digits):
    """Columns of unlike scale, with a column to predict from them."""
    X = digits[:, [10, 11, 12, 18, 19, 20]] * 10.0 ** np.arange(6)
    return X.astype(np.float64), digits[:, 30] > 0.3


def test_pipeline(table):
    X, y = table
    pipeline = make_pipeline(
        StandardScaler(), BetaVAE(3, **QUICK), LogisticRegression()
    ).fit(X, y)
    label, probability = run(
        skl2onnx.to_onnx(pipeline, X, options={"zipmap": False}), X
    )
    np.testing.assert_array_equal(label, pipeline.predict(X))
    np.testing.assert_allclose(probability, pipeline.predict_proba(X), atol=1e-5)


def test_options_by_the_name_of_a_step(table):
    X, _ = table
    pipeline = make_pipeline(StandardScaler(), BetaVAE(3, **QUICK)).fit(X)
    model = skl2onnx.to_onnx(pipeline, X, options={"betavae__return_std": True})
    Z, std = run(model, X)
    mean, expected = pipeline[-1].posterior(pipeline[0].transform(X))
    assert_close(Z, mean)
    assert_close(std, expected)


def test_column_transformer(table):
    X, y = table
    frame = pandas.DataFrame(X[:, :3], columns=list("abc"))
    frame["kind"] = np.where(y, "yes", "no").astype(object)
    scaled = ("numbers", StandardScaler(), ["a", "b", "c"])
    coded = ("words", OneHotEncoder(sparse_output=False), ["kind"])
    vae = BetaVAE(3, **QUICK)
    pipeline = make_pipeline(ColumnTransformer([scaled, coded]), vae).fit(frame)
    model = skl2onnx.to_onnx(pipeline, frame)
    assert_close(run(model, frame)[0], pipeline.transform(frame))


def test_within_a_column_transformer(table):
    X, _ = table
    encoded = make_pipeline(StandardScaler(), BetaVAE(3, **QUICK))
    transformer = ColumnTransformer(
        [("latents", encoded, [0, 1, 2, 3]), ("rest", "passthrough", [4, 5])]
    ).fit(X)
    (Z,) = run(skl2onnx.to_onnx(transformer, X), X)
    assert_close(Z, transformer.transform(X))


def test_a_frame_and_a_search(table):
    """A DataFrame makes an input of each column."""
    frame = pandas.DataFrame(table[0][:200, :3], columns=list("abc"))
    search = GridSearchCV(BetaVAE(2, max_iter=4, random_state=0), {"beta": [1]}, cv=2)
    search.fit(frame)
    model = skl2onnx.to_onnx(search, frame)
    assert [each.name for each in model.graph.input] == ["a", "b", "c"]
    assert_close(run(model, frame)[0], search.transform(frame))


def test_older_operators(digits):
    estimator = fitted(digits[:200])
    model = skl2onnx.to_onnx(estimator, digits, target_opset=18)
    assert {each.domain: each.version for each in model.opset_import}[""] == 18
    assert_close(run(model, digits)[0], estimator.transform(digits))


def test_only_what_is_needed_is_written(digits):
    estimator = fitted(digits[:200])
    written = skl2onnx.to_onnx(estimator, digits).SerializeToString()
    assert b"decoder" not in written
    assert b".py" not in written  # torch's stacks, with the paths of this machine
    estimator.trim_for_prediction()
    assert skl2onnx.to_onnx(estimator, digits).SerializeToString() == written


def test_the_estimator_can_go_on(digits):
    estimator, same = fitted(digits[:200]), fitted(digits[:200])
    skl2onnx.to_onnx(estimator, digits)
    for each in (estimator, same):
        each.partial_fit(digits[:200])
    np.testing.assert_array_equal(estimator.transform(digits), same.transform(digits))


# What is refused


class Branch(nn.Linear):
    """Decides by a value, which no graph can follow."""

    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else -super().forward(x)


class OneSize(nn.Linear):
    """Works with any number of rows, and in another way with each."""

    def forward(self, x):
        return super().forward(x) * (2 if len(x) == 2 else 1)


class Recurrent(nn.Module):
    """Has an optional input that is left out."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.GRU(n_features, n_outputs, batch_first=True)

    def forward(self, x):
        return self.layer(x[:, None])[0][:, 0]


@pytest.mark.parametrize(
    ("Network", "why"),
    [
        (Branch, "data-dependent expression"),
        (OneSize, "static shape of 2"),
        (Recurrent, "no GRU with inputs left out"),
    ],
)
def test_a_network_that_cannot_be_converted_is_named(digits, Network, why):
    def network(n_features, n_components):
        return Network(n_features, 2 * n_components), nn.Linear(
            n_components, n_features
        )

    estimator = fitted(digits[:100], network=network, max_iter=1)
    says = rf"encoder \({Network.__name__}\) of this BetaVAE .*{why}.*Rewrite it"
    with pytest.raises(RuntimeError, match=says):
        skl2onnx.to_onnx(estimator, digits)


def test_inputs_and_options_that_make_no_sense(digits):
    estimator = fitted(digits[:100])
    with pytest.raises(ValueError, match="has 63 columns, but BetaVAE is expecting 64"):
        skl2onnx.to_onnx(estimator, digits[:, 1:])
    with pytest.raises(TypeError, match=r"takes tensors of numbers.*StringTensorType"):
        skl2onnx.to_onnx(estimator, digits.astype(str).astype(object))
    options = {BetaVAE: {"return_std": True, "inverse_transform": True}}
    with pytest.raises(ValueError, match="convert twice"):
        skl2onnx.to_onnx(estimator, digits, options=options)
    with pytest.raises(NameError, match="Option 'std' not in"):
        skl2onnx.to_onnx(estimator, digits, options={BetaVAE: {"std": True}})
    with pytest.raises(ValueError, match=r"version 18 .* got target_opset=17"):
        skl2onnx.to_onnx(estimator, digits, target_opset=17)
    with pytest.raises(NotFittedError):
        skl2onnx.to_onnx(BetaVAE(), digits)


@pytest.mark.parametrize("package", ["skl2onnx", "onnx", "onnxscript"])
def test_missing_packages_are_named(digits, monkeypatch, package):
    estimator = fitted(digits[:100], max_iter=1)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'sk-bvae\[onnx\]'"):
        estimator.onnx_converter()
