"""In which precision networks multiply while they train."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sk_bvae.nn._precision import MixedPrecision
from sk_bvae.utils._warnings import warn

# A step of this many floating-point operations or fewer is mostly overhead: casts to
# and from bfloat16 would add to it, and a stack pays it once for all its nets. On CPUs
# measured by benchmarks/bench_precision.py and bench_search.py.
SMALL_STEP_FLOPS = 2e8

# On a GPU that is the time of some hundreds of launches, at its rate in float32.
SMALL_STEP_FLOPS_ON_GPU = 2e10


def set_precision(net, precision, rows):
    """Let the networks of a net multiply as the estimator's parameter says.

    Parameters
    ----------
    net : Net
        What is about to be trained.

    precision : {"auto", "bfloat16", "float32"}
        The parameter.

    rows : Rows
        What it is trained on.
    """
    multiplies_in = torch.bfloat16 if _takes_bfloat16(net, precision, rows) else None
    for module in net.module_.modules():
        if isinstance(module, MixedPrecision):
            module.multiplies_in = multiplies_in


def _takes_bfloat16(net, precision, rows):
    device = rows.device
    if precision == "float32":
        return False
    if precision == "auto":
        return multiplies_faster(device) and is_large(_flops_of(net, rows), device)
    if not multiplies_faster(device):
        warn(
            'precision="bfloat16" works on this device, but its hardware multiplies '
            'no faster so: "auto" takes it only where it does.'
        )
    return True


def multiplies_faster(device):
    """Say whether a device multiplies matrices in bfloat16 faster than in float32."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or (
            torch.cpu._is_amx_tile_supported()
        )
    return device.type == "cuda" and torch.cuda.is_bf16_supported(
        including_emulation=False
    )


def is_large(flops, device):
    """Say whether a step of so many operations is mostly arithmetic on a device."""
    on_cpu = device.type == "cpu"
    return flops > (SMALL_STEP_FLOPS if on_cpu else SMALL_STEP_FLOPS_ON_GPU)


def _flops_of(net, rows):
    (batch,) = net.get_iterator(rows.restrict(slice(0, 1)))
    players = net.module_.eval()
    batch_size = min(net.batch_size, len(rows))
    return step_flops(players, lambda: net.criterion(players, batch, 0.0), batch_size)


def step_flops(players, losses_of_a_row, batch_size):
    """Count the floating-point operations of a training step.

    Parameters
    ----------
    players : Module
        The players, in evaluation mode.

    losses_of_a_row : callable
        Computes the losses of a batch of a single row.

    batch_size : int
        Rows of a batch.

    Returns
    -------
    n_operations : int
        Of matrix products and convolutions.
    """
    with torch.no_grad():
        of_a_row = _flops_of_linear(players) or _counted_flops(losses_of_a_row)
    # a backward pass has twice as many as a forward pass
    return 3 * batch_size * of_a_row


def _flops_of_linear(players):
    """Count what layers cost that are all linear; None where others are among them.

    torch's own counter takes most of a second to begin, as long as some fits.
    """
    of_matrices = [
        module
        for module in players.modules()
        if any(p.dim() > 1 for p in module.parameters(recurse=False))
    ]
    if not all(isinstance(module, nn.Linear) for module in of_matrices):
        return None
    return sum(2 * module.weight.numel() for module in of_matrices)


def _counted_flops(function):
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()
