"""Active components."""

import numpy as np
import pytest

from sk_bvae.metrics import active_components


def test_is_a_mask_by_standard_deviation():
    unit = np.array([-1.0, 1.0] * 50) * np.sqrt(99 / 100)
    Z = unit[:, None] * [1.0, 0.051, 0.049, 0.0] + [0, 5, 5, 0.1]
    assert active_components(Z).tolist() == [True, True, False, False]
    assert active_components(Z, threshold=0.01).sum() == 3


def test_a_constant_code_is_never_active():
    assert not active_components(np.zeros((3, 2)), threshold=0).any()


def test_threshold_is_checked():
    with pytest.raises(ValueError, match="'threshold' parameter"):
        active_components(np.zeros((3, 2)), threshold=-1)
