"""Whatever goes wrong, an estimator is what it was before the call."""

import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    LRScheduler,
    TensorBoard,
    TrainEndCheckpoint,
)

from sk_bvae import BetaVAE
from sk_bvae.nn import Gaussian

FAST = {
    "n_components": 3,
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "init": "random",
    "early_stopping": False,
}


@pytest.fixture
def X(rng):
    return rng.normal(size=(200, 8)).astype(np.float32)


def fast(**params):
    return BetaVAE(**{**FAST, **params})


def answers(vae, X):
    """What a user can see of a fitted model."""
    return {
        "transform": vae.transform(X),
        "score": vae.score_samples(X),
        "kl": vae.kl_,
        "n_features": vae.n_features_in_,
        **vae.history_,
    }


def assert_same(before, after):
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)


class Interrupt(Callback):
    """Presses Ctrl-C in mid-epoch, while armed."""

    def __init__(self):
        self.armed = False

    def on_batch_end(self, net, batch, training, **kwargs):
        if self.armed:
            raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_an_exception_in_mid_epoch_leaves_the_last_fit(X, method):
    interrupt = Interrupt()
    vae = fast(net_params={"callbacks": [interrupt]}, warm_start=True).fit(X)
    before = answers(vae, X)
    interrupt.armed = True
    with pytest.raises(KeyboardInterrupt):
        getattr(vae, method)(X)
    assert_same(before, answers(vae, X))
    interrupt.armed = False
    again = pickle.loads(pickle.dumps(vae))
    uninterrupted = fast(warm_start=True).fit(X)
    for model in (vae, again, uninterrupted):
        getattr(model, method)(X)
    for model in (vae, again):
        assert_same(answers(uninterrupted, X), answers(model, X))


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_divergence_leaves_the_last_fit(X, method):
    vae = fast(warm_start=True).fit(X)
    before = answers(vae, X)
    vae.set_params(learning_rate_init=1e30)
    with pytest.raises(ValueError, match="stopped being finite"):
        getattr(vae, method)(X)
    assert_same(before, answers(vae, X))
    vae.set_params(learning_rate_init=1e-3)
    getattr(vae, method)(X)
    assert np.isfinite(vae.loss_curve_).all()


def test_a_failed_refit_on_other_columns_leaves_the_last_fit(X):
    vae = fast().fit(X)
    before = answers(vae, X)
    with pytest.raises(ValueError, match="stopped being finite"):
        vae.set_params(beta=1e38).fit(X[:, :5])
    assert_same(before, answers(vae, X))


def test_a_failed_first_fit_leaves_nothing(X):
    vae = fast(beta=1e38)
    with pytest.raises(ValueError, match="stopped being finite"):
        vae.fit(X)
    assert vars(vae) == vars(fast(beta=1e38))


def test_divergence_in_the_last_step_is_noticed(rng):
    vae = fast(
        hidden_layer_sizes=(32,),
        solver=torch.optim.SGD,
        learning_rate_init=1.0,
        max_iter=4,
    )
    with pytest.raises(ValueError, match="stopped being finite in epoch 4"):
        vae.fit(rng.normal(size=(60, 10)))


class Spoiling(Callback):
    """Spoils what the last epoch has made."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def on_train_end(self, net, **kwargs):
        parameters = dict(net.module_.named_parameters())
        parameters[self.name].data.fill_(self.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vae.decoder.linear.bias", float("inf")),
        ("vae.encoder.linear.bias", 1e30),  # its square is beyond float32
    ],
)
def test_divergence_behind_the_last_loss_names_the_last_epoch(X, name, value):
    last = {"early_stopping": False, "max_iter": 3}  # no going back to a better epoch
    vae = BetaVAE(net_params={"callbacks": [Spoiling(name, value)]}, **last)
    with pytest.raises(ValueError, match="stopped being finite in epoch 3"):
        vae.fit(X)


# Data whose statistics are not what a glance suggests


def test_the_order_of_rows_changes_no_scale(rng):
    X = rng.normal(size=(4096, 5)) * 100 + 1000
    X[::2] = 0
    vae = fast().fit(X)
    vae_of_shuffled = fast().fit(rng.permutation(X))
    assert vae.score(X) == pytest.approx(vae_of_shuffled.score(X), abs=1)


def test_divergence_names_the_largest_column_wherever_it_is_large(rng):
    X = rng.normal(size=(5000, 5))
    X[4321, 3] = 1e6
    with pytest.raises(ValueError, match=r"scale is 3, with values up to 1e\+06"):
        fast(beta=1e38).fit(X)


def test_timestamps_decode_to_seconds(rng):
    seconds = 1.7e9 + rng.uniform(0, 100, size=(500, 1))
    X = np.hstack([seconds, seconds + 3])
    vae = BetaVAE(1, beta=0.01, max_iter=100, random_state=0).fit(X)
    decoded = vae.inverse_transform(vae.transform(X))
    assert decoded.dtype == np.float64
    assert np.abs(decoded - X).mean() < 10
    assert np.ptp(vae.sample(100, random_state=0)) < 1000
    assert np.isfinite(vae.score(X))


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_the_noise_variance_of_extreme_scales(rng, scale):
    X = rng.normal(size=(200, 4))
    plain, scaled = fast().fit(X), fast().fit(X * scale)
    ratio = scaled.noise_variance_ / plain.noise_variance_
    assert ratio == pytest.approx(scale**2, rel=0.01)


def test_a_first_chunk_of_one_row_does_not_fix_the_scale(rng):
    X = 1000 * rng.normal(size=(300, 4)) + 50
    parts = fast(max_iter=10).partial_fit(X[:1])
    for _ in range(9):
        parts.partial_fit(X)
    assert np.isfinite(parts.score(X))
    assert parts.score(X) == pytest.approx(fast(max_iter=9).fit(X).score(X), abs=2)


# Changes that cannot be honoured


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
@pytest.mark.parametrize(
    "changed",
    [
        {"solver": "adagrad"},
        {"device": "meta"},
        {"net_params": {"optimizer__weight_decay": 0.1}},
        {"hidden_layer_sizes": (4,)},
        {"n_components": 2},
    ],
)
def test_what_cannot_change_is_refused(X, changed, method):
    vae = fast(warm_start=True).fit(X)
    (name,) = changed
    with pytest.raises(ValueError, match=f"{name} cannot change"):
        getattr(vae.set_params(**changed), method)(X)


def test_partial_fit_validates_parameters_at_every_call(X):
    vae = fast().partial_fit(X)
    with pytest.raises(ValueError, match="'learning_rate_init' parameter"):
        vae.set_params(learning_rate_init=-1).partial_fit(X)


def test_equal_values_are_no_change(X):
    vae = fast(likelihood=Gaussian(), hidden_layer_sizes=[8], warm_start=True).fit(X)
    vae.set_params(hidden_layer_sizes=np.array([8]), likelihood=Gaussian())
    assert vae.fit(X).n_iter_ == 6
    vae.set_params(net_params={"callbacks": []}).fit(X)
    with pytest.raises(ValueError, match="likelihood cannot change"):
        vae.set_params(likelihood=Gaussian(0.5)).fit(X)


def test_mutable_parameters_are_copied_by_a_fit(X):
    sizes = [8]
    vae = fast(hidden_layer_sizes=sizes).fit(X)
    sizes.append(4)
    loaded = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))


# Global settings of torch


@pytest.fixture(params=["float64", "meta", "no_grad", "inference_mode"])
def setting(request):
    """Change one of torch's global settings."""
    if request.param == "float64":
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)
    elif request.param == "meta":
        torch.set_default_device("meta")
        yield
        torch.set_default_device(None)
    else:
        with getattr(torch, request.param)():
            yield


def test_global_settings_change_nothing(X, setting):
    vae = fast(device="cpu").fit(X)
    loaded = pickle.loads(pickle.dumps(vae))
    for model in (vae, loaded):
        model.partial_fit(X)
    found = [*answers(vae, X).values(), *answers(loaded, X).values()]
    found.append(vae.sample(3, random_state=0))
    with torch.inference_mode(False), torch.device("cpu"), torch.enable_grad():
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        plain = fast(device="cpu").fit(X).partial_fit(X)
        expected = 2 * list(answers(plain, X).values())
        expected.append(plain.sample(3, random_state=0))
        torch.set_default_dtype(before)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Errors that say what was wrong


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_layer_sizes": (8, -1)}, "hidden_layer_sizes=.*-1 is not one"),
        ({"hidden_layer_sizes": (8.0,)}, "hidden_layer_sizes=.*8.0 is not one"),
        ({"hidden_layer_sizes": (64, 0)}, "hidden_layer_sizes=.*0 is not one"),
        ({"network": "burgess_conv", "image_shape": (8,)}, "image_shape=.*height"),
        ({"device": "hpu"}, 'device="hpu" is not available here'),
        ({"net_params": {"train_split": None}}, "set early_stopping and validation"),
        ({"net_params": {"criterion": None}}, "the estimator's own. Subclass it"),
        (
            {"net_params": {"callbacks": [EpochScoring("loss")]}},
            "EpochScoring scores predictions.*ScoringMonitor",
        ),
    ],
)
def test_bad_parameters_are_explained(X, params, message):
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        fast(**params).fit(X)


def test_images_that_cannot_be_halved_are_told_how_to_be_padded(rng):
    images = rng.uniform(size=(4, 28, 28)).astype(np.float32)
    vae = fast(network="burgess_conv", likelihood="bernoulli", max_iter=1)
    with pytest.raises(ValueError, match=r"numpy\.pad\(.*\) for images") as caught:
        vae.fit(images.reshape(4, -1))
    advice = re.search(r"(numpy\.pad\(.*\)) for images", str(caught.value))[1]
    padded = eval(advice, {"numpy": np, "images": images})
    assert padded.shape == (4, 32, 32)


def test_arrays_of_images_are_told_of_image_shape(rng):
    with pytest.raises(ValueError, match=r"dim 4.*image_shape=\(1, 16, 16\)"):
        fast().fit(rng.uniform(size=(5, 1, 16, 16)))


def test_negative_noise_variance_of_a_likelihood_is_refused():
    with pytest.raises(ValueError, match=r"noise_variance=-1\.0 must be a positive"):
        Gaussian(-1.0)


def test_numbers_of_numpy_are_numbers(X):
    vae = fast().fit(X)
    np.testing.assert_array_equal(
        vae.score_samples(X, n_draws=np.int64(3)), vae.score_samples(X, n_draws=3)
    )


def test_options_of_the_optimizer_win_over_our_own(X):
    vae = fast(net_params={"optimizer__fused": False}).fit(X)
    assert vae.net_.optimizer_.defaults["fused"] is False


# skorch's callbacks


class Writer:
    """Stands in for tensorboard's."""

    def __init__(self):
        self.names = set()

    def add_scalar(self, tag, scalar_value, **kwargs):
        self.names.add(tag)

    def close(self):
        pass


def test_checkpoints_are_written_and_read(X, tmp_path):
    callbacks = [
        Checkpoint(dirname=tmp_path, load_best=True),
        Checkpoint(dirname=tmp_path, monitor="train_loss_best", fn_prefix="train_"),
        TrainEndCheckpoint(dirname=tmp_path, fn_prefix="end_"),
    ]
    vae = fast(early_stopping=True, net_params={"callbacks": callbacks}).fit(X)
    assert {"params.pt", "train_params.pt", "end_params.pt"} <= {
        path.name for path in tmp_path.iterdir()
    }
    other = clone(fast()).fit(X)
    other.net_.load_params(tmp_path / "end_params.pt")
    for name, weights in vae.net_.module_.state_dict().items():
        if name != "vae.order":  # sorted after the training
            assert torch.equal(other.net_.module_.state_dict()[name], weights)


def test_tensorboard_gets_every_term(X):
    writer = Writer()
    fast(net_params={"callbacks": [TensorBoard(writer)]}).fit(X)
    names = {name.removeprefix("Loss/") for name in writer.names}
    assert {"train_loss", "train_kl", "train_reconstruction"} <= names


def test_schedulers_work_and_can_be_saved(X):
    from skops import io

    scheduler = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    vae = fast(net_params={"callbacks": [scheduler]}).fit(X)
    assert vae.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-3 / 8)
    data = io.dumps(vae)
    loaded = io.loads(data, trusted=io.get_untrusted_types(data=data))
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))


# What need not be kept


def test_trimmed_models_predict_and_do_not_train(X):
    vae = fast(hidden_layer_sizes=(128,), warm_start=True).fit(X)
    before, size = answers(vae, X), len(pickle.dumps(vae))
    assert vae.trim_for_prediction() is vae
    assert len(pickle.dumps(vae)) < 0.6 * size
    for model in (vae, pickle.loads(pickle.dumps(vae))):
        assert_same(before, answers(model, X))
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match="trim_for_prediction"):
                getattr(model, method)(X)
    vae.set_params(warm_start=False).fit(X)
    vae.partial_fit(X)


def test_many_draws_are_decoded_a_few_at_a_time(X):
    vae = fast().fit(X)
    few, many = (vae.score_samples(X[:3], n_draws=n) for n in (1000, 5000))
    np.testing.assert_allclose(few, many, atol=0.5)
