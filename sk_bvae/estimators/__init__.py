"""The models, and what a model of your own stands on."""

from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE

__all__ = ["BaseVAE", "with_parameters"]
