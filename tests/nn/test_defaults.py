"""torch's global settings inside and after."""

import pytest
import torch
from torch.overrides import _get_current_function_mode_stack

from sk_bvae.nn._defaults import OwnDefaults


@pytest.fixture
def other_defaults():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def test_other_defaults_are_put_aside(other_defaults):
    with torch.inference_mode(), OwnDefaults():
        weight = torch.ones(2, requires_grad=True)
        assert (weight.dtype, weight.device.type) == (torch.float32, "cpu")
        assert (2 * weight).requires_grad
        assert not weight.is_inference()
    assert torch.ones(2).dtype == torch.float64
    assert torch.ones(2).device.type == "meta"


def test_nothing_looks_at_every_call_where_nothing_differs():
    with OwnDefaults():
        assert not _get_current_function_mode_stack()
