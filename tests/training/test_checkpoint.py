"""A fit that is killed goes on from its checkpoint, and ends in the same bits."""

import joblib
import numpy as np
import pytest
from skorch.callbacks import Callback

from sk_bvae import BetaVAE, CapacityVAE, FactorVAE
from sk_bvae.callbacks import Checkpoint

FAST = {
    "hidden_layer_sizes": (16,),
    "max_iter": 12,
    "random_state": 0,
    "init": "random",
    "early_stopping": False,
}
CASES = {
    "beta": BetaVAE(**FAST),
    "capacity": CapacityVAE(**FAST, capacity=5),
    "stopped early": BetaVAE(
        **{**FAST, "early_stopping": True, "max_iter": 60},
        n_iter_no_change=2,
        learning_rate_init=0.03,
    ),
    "players": FactorVAE(**{**FAST, "max_iter": 2}),
}


class Dies(Callback):
    """Fails in mid-epoch, once."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_begin(self, net, batch, training, **kwargs):
        if len(net.history) == self.epoch:
            self.epoch = None
            raise InterruptedError


def with_checkpoint(estimator, path, every=1):
    """Copy an estimator, with a checkpoint."""
    copy = type(estimator)(**estimator.get_params())
    return copy.set_callbacks(Checkpoint(path, every=every))


def assert_same_model(model, other, X):
    np.testing.assert_array_equal(model.transform(X), other.transform(X))
    np.testing.assert_array_equal(model.kl_, other.kl_)
    assert model.history_.keys() == other.history_.keys()
    for name, curve in model.history_.items():
        np.testing.assert_array_equal(curve, other.history_[name], err_msg=name)
    for one in (model, other):
        one.partial_fit(X)
    np.testing.assert_array_equal(model.transform(X), other.transform(X))


@pytest.mark.parametrize("estimator", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("epoch", "every"), [(2, 1), (8, 3)])
def test_a_fit_goes_on_to_the_same_bits(digits, tmp_path, estimator, epoch, every):
    X, path = digits[:300], tmp_path / "vae.joblib"
    whole = type(estimator)(**estimator.get_params()).fit(X)
    dying = with_checkpoint(estimator, path, every)
    dies = Dies(min(epoch, whole.n_iter_))
    dying.set_params(net_params={"callbacks": [dies]})
    with pytest.raises(InterruptedError):
        dying.fit(X)
    resumed = with_checkpoint(estimator, path, every).fit(X)
    assert_same_model(resumed, whole, X)


def test_the_file_is_a_fitted_estimator(digits, tmp_path):
    path = tmp_path / "vae.joblib"
    vae = with_checkpoint(CASES["beta"], path).fit(digits)
    loaded = joblib.load(path)
    np.testing.assert_array_equal(loaded.transform(digits), vae.transform(digits))
    assert [entry.name for entry in tmp_path.iterdir()] == ["vae.joblib"]


def test_a_finished_fit_is_not_repeated(digits, tmp_path):
    path = tmp_path / "vae.joblib"
    vae = with_checkpoint(CASES["beta"], path).fit(digits)
    again = with_checkpoint(CASES["beta"], path)
    again.set_params(net_params={"callbacks": [Dies(1)]}).fit(digits)
    np.testing.assert_array_equal(again.transform(digits), vae.transform(digits))
    # but the estimator that has it may be fitted again
    assert vae.set_params(warm_start=True).fit(digits).n_iter_ == 24


@pytest.mark.parametrize(
    ("params", "rows", "message"),
    [
        ({"beta": 2.0}, slice(None), "differs in beta"),
        ({"random_state": 1}, slice(None), "differs in random_state"),
        ({}, slice(1, None), "differs in X"),
    ],
)
def test_another_fits_checkpoint_is_refused(digits, tmp_path, params, rows, message):
    path = tmp_path / "vae.joblib"
    with_checkpoint(CASES["beta"], path).fit(digits)
    other = with_checkpoint(BetaVAE(**{**FAST, **params}), path)
    with pytest.raises(ValueError, match=message):
        other.fit(digits[rows])


def test_a_missing_folder_is_named_before_training(digits, tmp_path):
    vae = with_checkpoint(CASES["beta"], tmp_path / "none" / "vae.joblib")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        vae.fit(digits)


def test_a_failed_writing_leaves_the_old_file(digits, tmp_path, monkeypatch):
    path = tmp_path / "vae.joblib"
    with_checkpoint(CASES["beta"], path).fit(digits)
    before = path.read_bytes()

    def fill_the_disk(thing, file):
        file.write(b"half a")
        raise OSError("No space left on device")

    monkeypatch.setattr(joblib, "dump", fill_the_disk)
    other = with_checkpoint(CASES["beta"], tmp_path / "other.joblib")
    with pytest.raises(OSError, match="No space"):
        other.fit(digits)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["vae.joblib"]


PROGRAM = """
import sys, torch
import numpy as np
from sklearn.datasets import load_digits
from sk_bvae import BetaVAE
from sk_bvae.callbacks import Checkpoint

torch.set_num_threads(1)
X = (load_digits().data / 16).astype(np.float32)
BetaVAE(max_iter=1).fit(X[:50])
print("ready", flush=True)
vae = BetaVAE(hidden_layer_sizes=(32,), max_iter=40, random_state=0)
if len(sys.argv) > 1:
    vae.set_callbacks(Checkpoint(sys.argv[1], every=3))
vae.fit(X)
print(vae.net_.module_["vae"].encoder[0].weight.double().sum().item().hex(), flush=True)
"""


@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_random_moments_lose_nothing(tmp_path, kill_at_random, n_kills):
    path = tmp_path / "vae.joblib"

    def look():
        if path.exists():
            epochs = joblib.load(path).n_iter_
            assert epochs % 3 == 0 or epochs == 40

    kill_at_random(PROGRAM, path, n_kills, look)
