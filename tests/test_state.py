"""Saving, loading and copying."""

import copy
import io
import os
import pickle
import re
import zipfile

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops_io
from skops.io.exceptions import UntrustedTypesFoundException

from sk_bvae import BetaVAE, CapacityVAE

PARAMS = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 3,
    "init": "random",
    "early_stopping": False,
}


def conv_net(n_features, n_components):
    """Build a network with state beside its weights."""
    encoder = torch.nn.Sequential(
        torch.nn.BatchNorm1d(n_features), torch.nn.Linear(n_features, 2 * n_components)
    )
    return encoder, torch.nn.Linear(n_components, n_features)


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def through_skops(estimator):
    data = skops_io.dumps(estimator)
    unknown = skops_io.get_untrusted_types(data=data)
    own = {
        "sk_bvae.estimators._beta_vae.BetaVAE",
        "sk_bvae.estimators._capacity_vae.CapacityVAE",
    }
    assert set(unknown) <= own, "fitted state is plain values and arrays"
    return skops_io.loads(data, trusted=unknown)


ROUND_TRIPS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": through_joblib,
    "skops": through_skops,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.filterwarnings("ignore:No latent")  # one epoch wakes none
@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
@pytest.mark.parametrize(
    "estimator",
    [
        BetaVAE(**PARAMS, random_state=0),
        BetaVAE(
            **{**PARAMS, "early_stopping": True}, random_state=0, noise_variance=0.5
        ),
        CapacityVAE(**PARAMS, random_state=0, likelihood="bernoulli", solver="adagrad"),
        BetaVAE(2, beta=0.1, network="burgess_conv", image_shape=(16, 64), max_iter=1),
        BetaVAE(
            **PARAMS,
            random_state=0,
            likelihood=[("bernoulli", [1, 0, -1]), ("gaussian", slice(2, 63))],
        ),
    ],
    ids=["beta", "fixed noise", "capacity", "conv", "mixed"],
)
def test_round_trips_are_exact(digits, estimator, trip):
    X = digits[:200]
    if estimator.network == "burgess_conv":
        X = np.tile(X, (1, 16))
    estimator = clone(estimator).fit(X)
    loaded = trip(estimator)
    np.testing.assert_array_equal(loaded.transform(X), estimator.transform(X))
    np.testing.assert_array_equal(loaded.score_samples(X), estimator.score_samples(X))
    assert loaded.history_.keys() == estimator.history_.keys()


@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_round_trips_inside_a_pipeline_are_exact(digits, trip):
    pipeline = make_pipeline(StandardScaler(), BetaVAE(**PARAMS, random_state=0))
    pipeline.fit(digits)
    loaded = trip(pipeline)
    np.testing.assert_array_equal(loaded.transform(digits), pipeline.transform(digits))


@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_training_goes_on_as_if_nothing_had_happened(digits, trip):
    estimator = BetaVAE(**PARAMS, random_state=0).fit(digits)
    loaded = trip(estimator)
    for vae in (estimator, loaded):
        vae.partial_fit(digits)
    np.testing.assert_array_equal(loaded.transform(digits), estimator.transform(digits))
    np.testing.assert_array_equal(loaded.loss_curve_, estimator.loss_curve_)
    assert loaded.n_iter_ == 4


def test_networks_with_buffers_survive(digits):
    estimator = BetaVAE(3, network=conv_net, max_iter=2, random_state=0).fit(digits)
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.transform(digits), estimator.transform(digits))


def test_a_copy_shares_nothing(digits):
    estimator = BetaVAE(**PARAMS, random_state=0).fit(digits)
    before = estimator.transform(digits)
    copy.deepcopy(estimator).partial_fit(digits)
    np.testing.assert_array_equal(estimator.transform(digits), before)


def test_changed_parameters_do_not_disturb_what_is_fitted(digits):
    estimator = BetaVAE(**PARAMS, random_state=0).fit(digits)
    before = estimator.transform(digits)
    estimator.set_params(n_components=7, hidden_layer_sizes=(3, 3))
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.transform(digits), before)
    assert loaded.n_components == 7


def test_a_failed_refit_leaves_the_last_fit_whole(digits):
    estimator = BetaVAE(**PARAMS, random_state=0).fit(digits)
    before = estimator.transform(digits)
    with pytest.raises(ValueError, match="stopped being finite"):
        estimator.set_params(n_components=5, beta=1e38).fit(digits)
    np.testing.assert_array_equal(estimator.transform(digits), before)
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.transform(digits), before)


def test_state_holds_no_tensors(digits):
    state = BetaVAE(**PARAMS, random_state=0).fit(digits).__getstate__()

    def leaves(tree):
        if isinstance(tree, dict):
            tree = list(tree.values())
        if isinstance(tree, list | tuple):
            return [leaf for branch in tree for leaf in leaves(branch)]
        return [tree]

    plain = (np.ndarray, np.number, int, float, str, bool, type(None))
    assert all(isinstance(leaf, plain) for leaf in leaves(state))


def test_what_was_fitted_on_a_missing_device_loads_on_the_cpu(digits):
    estimator = BetaVAE(**PARAMS, random_state=0, device="cpu").fit(digits)
    state = copy.deepcopy(estimator.__getstate__())
    state["device"] = state["_net_arrays"]["recipe"]["params"]["device"] = "cuda:7"
    loaded = BetaVAE.__new__(BetaVAE)
    loaded.__setstate__(state)
    np.testing.assert_array_equal(loaded.transform(digits), estimator.transform(digits))
    assert loaded.net_.device == torch.device("cpu")


def test_another_version_is_announced(digits):
    estimator = BetaVAE(**PARAMS)
    state = {**estimator.__getstate__(), "_sk_bvae_version": "0.0.1"}
    with pytest.warns(InconsistentVersionWarning, match=r"sk-bvae 0\.0\.1"):
        estimator.__setstate__(state)


# Files that were tampered with


def tampered(estimator, **params):
    """Return the state of an estimator whose recipe says something else."""
    state = copy.deepcopy(estimator.__getstate__())
    state["_net_arrays"]["recipe"]["params"].update(params)
    return state


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        ({"hidden_layer_sizes": (100_000, 200_000)}, ((100_000, 64), (16, 64))),
        ({"n_components": 10**9}, ((10**9,), (3,))),
    ],
)
def test_a_recipe_of_80_gigabytes_is_refused_before_it_allocates(
    digits, params, shapes
):
    state = tampered(BetaVAE(**PARAMS, random_state=0).fit(digits), **params)
    why = (
        "this BetaVAE does not fit its parameters: .* should have shape {} and has {}."
    )
    with pytest.raises(ValueError, match=why.format(*map(re.escape, map(str, shapes)))):
        BetaVAE.__new__(BetaVAE).__setstate__(state)


def test_a_state_without_a_part_says_which(digits):
    state = BetaVAE(**PARAMS, random_state=0).fit(digits).__getstate__()
    del state["_net_arrays"]["players"]
    with pytest.raises(ValueError, match=r"this BetaVAE lacks \['players'\]"):
        BetaVAE.__new__(BetaVAE).__setstate__(state)


def test_a_hostile_skops_file_runs_no_code(digits, tmp_path):
    hostile = BetaVAE(network=os.system)
    data = skops_io.dumps(hostile)
    trusted = ["sk_bvae.estimators._beta_vae.BetaVAE"]
    with pytest.raises(UntrustedTypesFoundException, match="system"):
        skops_io.loads(data, trusted=trusted)


def test_a_truncated_file_gives_a_named_error(digits):
    data = skops_io.dumps(BetaVAE(**PARAMS, random_state=0).fit(digits))
    for length in (10, len(data) // 2, len(data) - 10):
        with pytest.raises(zipfile.BadZipFile):
            skops_io.loads(data[:length], trusted=[])
