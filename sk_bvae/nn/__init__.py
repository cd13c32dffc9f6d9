"""The torch side: modules, likelihoods and networks that know no scikit-learn."""

from sk_bvae.nn._likelihoods import Bernoulli, Gaussian, Likelihood
from sk_bvae.nn._math import gaussian_kl, reparameterize
from sk_bvae.nn._networks import burgess_conv, higgins_conv, higgins_fc, mlp
from sk_bvae.nn._objective import Terms, linear_ramp
from sk_bvae.nn._vae import VAE

__all__ = [
    "VAE",
    "Bernoulli",
    "Gaussian",
    "Likelihood",
    "Terms",
    "burgess_conv",
    "gaussian_kl",
    "higgins_conv",
    "higgins_fc",
    "linear_ramp",
    "mlp",
    "reparameterize",
]
