"""When two values are the same, in this process or in another."""

from collections.abc import Mapping
from hashlib import blake2b
from pickle import PicklingError

import joblib
import numpy as np
import torch
from torch import nn

from sk_bvae.training.rows import Rows


def same_value(new, old):
    """Compare two values of a parameter, sequences, arrays and networks included.

    A function without a name of its own, which nothing can hash, equals only itself.
    """
    if new is old:
        return True
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return new.keys() == old.keys() and all(
            same_value(new[key], old[key]) for key in new
        )
    try:
        return hash_of(new) == hash_of(old)
    except PicklingError:
        return False


def hash_of(value):
    """Hash a value of a parameter by what it holds, the same in every process."""
    return joblib.hash(_plain(value))


def fingerprint(X):
    """Tell data from other data by every entry, a block of rows at a time."""
    digest = blake2b(repr((X.shape, str(X.dtype))).encode())
    for block in Rows(X, torch.device("cpu")).raw_blocks():
        digest.update(np.ascontiguousarray(block))
    return digest.hexdigest()


def fingerprints(given):
    """Tell the arrays that a fit was given from what others were, by name."""
    return {
        name: None if array is None else fingerprint(array.reshape(len(array), -1))
        for name, array in given.items()
    }


def _plain(value):
    """Make equal things of values that mean the same, (8,) and [8.0] for example."""
    # what joblib hashes is a pickle, and torch's hold addresses
    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().reshape(-1).view(torch.uint8)
        return str(value.dtype), tuple(value.shape), flat.numpy()
    if isinstance(value, nn.Module):
        parts = [(type(each), _own_attributes(each)) for each in value.modules()]
        return parts, _plain(value.state_dict())
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value


def _own_attributes(module):
    own = vars(module).keys() - vars(nn.Module()).keys()
    return {name: _plain(vars(module)[name]) for name in sorted(own)}
