"""Disentangled representation learning with the scikit-learn API."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sk_bvae.estimators._beta_tcvae import BetaTCVAE
    from sk_bvae.estimators._beta_vae import BetaVAE
    from sk_bvae.estimators._capacity_vae import CapacityVAE
    from sk_bvae.estimators._dc_ign import DCIGN
    from sk_bvae.estimators._dip_vae import DIPVAE
    from sk_bvae.estimators._factor_vae import FactorVAE
    from sk_bvae.estimators._info_gan import InfoGAN

__all__ = [
    "DCIGN",
    "DIPVAE",
    "BetaTCVAE",
    "BetaVAE",
    "CapacityVAE",
    "FactorVAE",
    "InfoGAN",
]

# Imported when first asked for: the metrics and the data sets do without torch.
_SUBMODULES = {
    "callbacks",
    "datasets",
    "estimators",
    "inspection",
    "metrics",
    "model_selection",
    "nn",
}
_PAGES = {
    "BetaTCVAE": "_beta_tcvae",
    "BetaVAE": "_beta_vae",
    "CapacityVAE": "_capacity_vae",
    "DCIGN": "_dc_ign",
    "DIPVAE": "_dip_vae",
    "FactorVAE": "_factor_vae",
    "InfoGAN": "_info_gan",
}


if not TYPE_CHECKING:  # a checker would take any name for defined

    def __getattr__(name):
        """Import an estimator or a submodule (PEP 562)."""
        if name in _SUBMODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _PAGES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        page = import_module(f"{__name__}.estimators.{_PAGES[name]}")
        globals()[name] = getattr(page, name)
        return globals()[name]


def __dir__():
    """List the names here, imported yet or not."""
    return sorted({*globals(), *__all__, *_SUBMODULES})
