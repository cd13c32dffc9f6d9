"""The models, and what a model of your own stands on."""

from sk_bvae.estimators._grouped_vae import BaseGroupedVAE
from sk_bvae.estimators._groups import group_by_factors
from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE

__all__ = ["BaseGroupedVAE", "BaseVAE", "group_by_factors", "with_parameters"]
