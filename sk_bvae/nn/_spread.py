"""Many random numbers made of two, for what needs one at every feature."""

import math

import torch

# Draws that a row's numbers are made of.
KEY_DRAWS = 2

# SplitMix64's multipliers (Steele, Lea and Flood 2014), as signed integers. The first
# is in halves: torch's compiler fails where a place times a number overflows.
GOLDEN_HIGH, GOLDEN_LOW = 0x9E3779B9, 0x7F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
MIX_2 = 0x94D049BB133111EB - 2**64

# What float32 tells apart.
BITS = 24


def spread_noise(draws, n_values):
    """Make standard normal numbers: hashes of a row's draws and of their places.

    A batch comes with its noise, drawn for a whole pass. A draw for each feature would
    take as much memory as the data, or several times as much.

    Parameters
    ----------
    draws : Tensor of shape (n_samples, 2)
        Draws from N(0, 1).

    n_values : int
        How many numbers a row gets.

    Returns
    -------
    noise : Tensor of shape (n_samples, n_values)
        The numbers. Those of different rows, or places, are as if independent.
    """
    high, low = (draws * 2**BITS).long().split(1, dim=-1)
    places = torch.arange(n_values, device=draws.device)
    bits = ((high + GOLDEN_HIGH * places) << 32) + low + GOLDEN_LOW * places
    bits = (bits ^ (bits >> 30)) * MIX_1
    bits = (bits ^ (bits >> 27)) * MIX_2
    # the first bits, the sign among them, as odd numbers: never -1 or 1, where the
    # quantile is infinite
    odd = 2 * (bits >> (64 - BITS)) + 1
    return math.sqrt(2) * torch.erfinv(odd.to(draws.dtype) * 2.0**-BITS)
