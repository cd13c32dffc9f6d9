"""Values are the same where they hold the same, in any process."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from sk_bvae.nn import Gaussian
from sk_bvae.training.fingerprints import fingerprint, hash_of, same_value


def network(seed=0, width=4):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(width, 3), nn.Dropout(0.1))


def test_networks_that_hold_the_same_are_the_same():
    assert same_value(network(), network())
    assert not same_value(network(), network(seed=1))
    assert not same_value(network(), network(width=5))


@pytest.mark.parametrize("change", [{"p": 0.2}, {"inplace": True}])
def test_what_a_layer_says_of_itself_counts(change):
    assert not same_value(nn.Dropout(0.1), nn.Dropout(**{"p": 0.1, **change}))


def test_what_a_likelihood_says_of_itself_counts():
    assert same_value(Gaussian(0.1), Gaussian(0.1))
    assert not same_value(Gaussian(0.1), Gaussian(0.2))


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        (3, [3.0, np.int64(3), np.array(3)], [2, 3.5, "3", [3]]),
        (True, [np.True_, 1], [False, None]),
        ((8, 4), [[8, 4], np.array([8.0, 4.0])], [(4, 8), (8,), 84]),
        (np.nan, [float("nan"), np.float32("nan")], [np.inf, 0]),
        ({"a": torch.ones(2)}, [{"a": torch.ones(2)}], [{"a": torch.zeros(2)}, {}]),
    ],
)
def test_what_means_the_same_is_the_same(value, same, other):
    assert all(same_value(value, each) for each in same)
    assert not any(same_value(value, each) for each in other)


def test_a_function_without_a_name_is_the_same_as_itself_alone():
    given = lambda: None  # noqa: E731
    assert same_value({"a": given, "b": [1]}, {"a": given, "b": (1.0,)})
    assert not same_value({"a": given, "b": [1]}, {"a": given, "b": [2]})
    assert not same_value({"a": given}, {"a": lambda: None})
    assert not same_value({"a": given}, {"a": given, "b": None})


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.bool])
def test_tensors_of_any_dtype(dtype):
    tensor = torch.tensor([[0, 1]], dtype=dtype)
    others = [tensor.T, tensor.int(), tensor.flip(1), tensor[0, 0]]
    assert hash_of({"a": tensor}) == hash_of({"a": tensor.clone()})
    assert len({hash_of({"a": each}) for each in (tensor, *others)}) == 5


def test_data_is_told_from_other_data(rng):
    X = rng.normal(size=(5000, 3))
    assert fingerprint(X) == fingerprint(np.asfortranarray(X))
    assert len({fingerprint(each) for each in (X, X + 1, X[1:], X.astype("f4"))}) == 4


def test_every_entry_of_the_data_counts(rng):
    X = rng.normal(size=(5000, 3))
    for place in [(0, 0), (1, 2), (2500, 1), (4999, 2)]:
        other = X.copy()
        other[place] += 1e-9
        assert fingerprint(other) != fingerprint(X)


def test_other_processes_find_the_same_hash():
    program = (
        "import torch\n"
        "from sk_bvae import BetaVAE\n"
        "from sk_bvae.nn import Gaussian\n"
        "from sk_bvae.training.fingerprints import hash_of\n"
        "likelihood = Gaussian(0.1)\n"
        "likelihood.register_buffer('weight', torch.arange(3.0))\n"
        "vae = BetaVAE(likelihood=likelihood, net_params={'a': {'x', 'y', 'z'}})\n"
        "print(hash_of([(type(vae), vae.get_params())]))\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert len(printed.pop().strip()) == len(hash_of(0))


def test_the_same_bytes_of_another_shape_or_dtype_are_other_data():
    X = np.arange(12.0).reshape(6, 2)
    assert fingerprint(X) == fingerprint(X.copy())
    assert fingerprint(X) != fingerprint(X.reshape(4, 3))
    assert fingerprint(X) != fingerprint(X.view(np.int64))
