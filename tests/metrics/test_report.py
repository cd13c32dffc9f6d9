"""The report of all metrics."""

import numpy as np
import pytest

from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    disentanglement_report,
    gaussian_wasserstein_correlation,
    infomec_score,
    sap_score,
)

pytestmark = pytest.mark.usefixtures("few_trees")


def test_every_value_is_what_its_function_returns(codes, factors):
    report = disentanglement_report(codes, factors, random_state=4)
    assert list(report) == [
        "mig",
        "modularity",
        "explicitness",
        "dci_disentanglement",
        "dci_completeness",
        "dci_informativeness",
        "infomec_modularity",
        "infomec_explicitness",
        "infomec_compactness",
        "sap",
        "beta_vae",
        "factor_vae",
        "irs",
        "gaussian_total_correlation",
        "gaussian_wasserstein_correlation",
        "n_active_components",
    ]
    assert all(np.isfinite(value) for value in report.values())
    dci = dci_score(codes, factors, random_state=4)
    assert report["dci_completeness"] == dci.completeness
    infomec = infomec_score(codes, factors, random_state=4)
    assert report["infomec_compactness"] == infomec.compactness
    assert report["sap"] == sap_score(codes, factors, random_state=4)
    assert report["beta_vae"] == beta_vae_score(codes, factors, random_state=4)
    distance = gaussian_wasserstein_correlation(codes)
    assert report["gaussian_wasserstein_correlation"] == distance
    assert report["n_active_components"] == 4


def test_metrics_asked_for(codes, factors):
    report = disentanglement_report(codes, factors, metrics=["sap", "mig"])
    assert list(report) == ["sap", "mig"]
    with pytest.raises(ValueError, match=r"Unknown metrics \['nig'\].*'mig'"):
        disentanglement_report(codes, factors, metrics=["mig", "nig"])


def test_draws_follow_the_generator(codes, factors):
    one, two = (
        disentanglement_report(
            codes, factors, metrics=["sap"], random_state=np.random.RandomState(1)
        )
        for _ in range(2)
    )
    assert one == two
