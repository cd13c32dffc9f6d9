"""The names that the metrics go by in reports and scorers."""

from sk_bvae.metrics._active_components import ACTIVE_STD, active_components
from sk_bvae.metrics._beta_vae import beta_vae_score
from sk_bvae.metrics._dci import dci_score
from sk_bvae.metrics._explicitness import explicitness_score
from sk_bvae.metrics._factor_vae import factor_vae_score
from sk_bvae.metrics._gaussian_correlation import (
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
)
from sk_bvae.metrics._irs import interventional_robustness_score
from sk_bvae.metrics._modularity import modularity_score
from sk_bvae.metrics._mutual_info_gap import mutual_info_gap
from sk_bvae.metrics._sap import sap_score


def _total_correlation(Z, Y):
    """Take factors and ignore them."""
    return gaussian_total_correlation(Z)


def _wasserstein_correlation(Z, Y, *, normalize=False):
    """Take factors and ignore them."""
    return gaussian_wasserstein_correlation(Z, normalize=normalize)


def _n_active_components(Z, Y, *, threshold=ACTIVE_STD):
    """Count the codes that are active."""
    return int(active_components(Z, threshold=threshold).sum())


METRICS = {
    "mig": mutual_info_gap,
    "modularity": modularity_score,
    "explicitness": explicitness_score,
    "dci": dci_score,
    "sap": sap_score,
    "beta_vae": beta_vae_score,
    "factor_vae": factor_vae_score,
    "irs": interventional_robustness_score,
    "gaussian_total_correlation": _total_correlation,
    "gaussian_wasserstein_correlation": _wasserstein_correlation,
    "n_active_components": _n_active_components,
}
SEEDED = {"explicitness", "dci", "sap", "beta_vae", "factor_vae"}
LOWER_IS_BETTER = {"gaussian_total_correlation", "gaussian_wasserstein_correlation"}
DCI_PARTS = ("disentanglement", "completeness", "informativeness")
