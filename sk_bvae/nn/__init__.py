"""The torch side: modules, likelihoods and networks that know no scikit-learn."""

from sk_bvae.nn._categorical import Categorical
from sk_bvae.nn._gan import gan_mlp, higgins_gan, lin_gan
from sk_bvae.nn._likelihoods import Bernoulli, Gaussian, Likelihood
from sk_bvae.nn._math import gaussian_kl, gaussian_log_density, reparameterize
from sk_bvae.nn._mixed import Mixed
from sk_bvae.nn._networks import burgess_conv, higgins_conv, higgins_fc, mlp
from sk_bvae.nn._objective import Batch, Losses, linear_ramp
from sk_bvae.nn._poisson import Poisson
from sk_bvae.nn._precision import LatentLinear
from sk_bvae.nn._vae import VAE, Terms

__all__ = [
    "VAE",
    "Batch",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "LatentLinear",
    "Likelihood",
    "Losses",
    "Mixed",
    "Poisson",
    "Terms",
    "burgess_conv",
    "gan_mlp",
    "gaussian_kl",
    "gaussian_log_density",
    "higgins_conv",
    "higgins_fc",
    "higgins_gan",
    "lin_gan",
    "linear_ramp",
    "mlp",
    "reparameterize",
]
