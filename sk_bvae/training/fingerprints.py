"""When two values are the same, in this process or in another."""

from collections.abc import Mapping

import joblib
import numpy as np
import torch
from torch import nn

# Rows that data is told from other data by.
FINGERPRINT_ROWS = 1024


def same_value(new, old):
    """Compare two values of a parameter, sequences, arrays and networks included."""
    return new is old or np.array_equal(new, old) or hash_of(new) == hash_of(old)


def hash_of(value):
    """Hash a value of a parameter by what it holds, the same in every process."""
    return joblib.hash(_without_torch(value))


def fingerprint(X):
    """Tell data from other data, by its shape and some of its rows."""
    stride = -(-len(X) // FINGERPRINT_ROWS)
    return joblib.hash((X.shape, str(X.dtype), np.ascontiguousarray(X[::stride])))


def _without_torch(value):
    # what joblib hashes is a pickle, and torch's hold addresses
    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().reshape(-1).view(torch.uint8)
        return str(value.dtype), tuple(value.shape), flat.numpy()
    if isinstance(value, nn.Module):
        parts = [(type(each), _own_attributes(each)) for each in value.modules()]
        return parts, _without_torch(value.state_dict())
    if isinstance(value, Mapping):
        return {key: _without_torch(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_torch(each) for each in value]
    return value


def _own_attributes(module):
    own = vars(module).keys() - vars(nn.Module()).keys()
    return {name: _without_torch(vars(module)[name]) for name in sorted(own)}
