"""Disentangled representation learning with the scikit-learn API."""

__version__ = "0.1.0.dev0"

from sk_bvae._beta_vae import BetaVAE
from sk_bvae._capacity_vae import CapacityVAE

__all__ = ["BetaVAE", "CapacityVAE"]
