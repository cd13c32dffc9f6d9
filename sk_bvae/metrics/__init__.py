"""Disentanglement metrics on plain arrays, and scorers made from them."""

from sk_bvae.metrics._active_components import active_components
from sk_bvae.metrics._beta_vae_score import beta_vae_score, higgins_protocol
from sk_bvae.metrics._dci import dci_score
from sk_bvae.metrics._explicitness import explicitness_score
from sk_bvae.metrics._factor_vae_score import factor_vae_score
from sk_bvae.metrics._gaussian_correlation import (
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
)
from sk_bvae.metrics._infomec import infomec_score
from sk_bvae.metrics._irs import interventional_robustness_score
from sk_bvae.metrics._modularity import modularity_score
from sk_bvae.metrics._mutual_info import mutual_info_gap, mutual_info_matrix
from sk_bvae.metrics._report import disentanglement_report
from sk_bvae.metrics._sap import sap_score
from sk_bvae.metrics._scorer import make_disentanglement_scorer
from sk_bvae.metrics._udr import unsupervised_disentanglement_ranking

__all__ = [
    "active_components",
    "beta_vae_score",
    "dci_score",
    "disentanglement_report",
    "explicitness_score",
    "factor_vae_score",
    "gaussian_total_correlation",
    "gaussian_wasserstein_correlation",
    "higgins_protocol",
    "infomec_score",
    "interventional_robustness_score",
    "make_disentanglement_scorer",
    "modularity_score",
    "mutual_info_gap",
    "mutual_info_matrix",
    "sap_score",
    "unsupervised_disentanglement_ranking",
]
