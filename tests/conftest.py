import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

# The networks of the tests are too small to gain from threads, and on a busy machine
# threads that wait for each other cost far more than they bring.
torch.set_num_threads(1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def digits():
    """Digits as float32 between 0 and 1."""
    X = (load_digits().data / 16).astype(np.float32)
    X.flags.writeable = False
    return X
