"""The report of all metrics."""

import re

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    disentanglement_report,
    gaussian_wasserstein_correlation,
    infomec_score,
    mutual_info_gap,
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


def test_options_of_one_metric(codes, factors):
    forest = RandomForestClassifier(5)
    report = disentanglement_report(
        codes,
        factors,
        metrics=["mig", "dci"],
        metric_params={"dci": {"estimator": forest, "test_size": 0.3}},
        random_state=4,
    )
    dci = dci_score(codes, factors, estimator=forest, test_size=0.3, random_state=4)
    assert report["dci_completeness"] == dci.completeness
    assert report["mig"] == mutual_info_gap(codes, factors)


def test_a_seed_of_ones_own_wins(codes, factors):
    report = disentanglement_report(
        codes,
        factors,
        metrics=["sap"],
        metric_params={"sap": {"random_state": 3}},
        random_state=4,
    )
    assert report["sap"] == sap_score(codes, factors, random_state=3)


def test_options_of_scores_that_need_no_factors(codes, factors):
    options = {
        "gaussian_wasserstein_correlation": {"normalize": True},
        "n_active_components": {"threshold": 10.0},
    }
    report = disentanglement_report(
        codes, factors, metrics=list(options), metric_params=options
    )
    normalized = gaussian_wasserstein_correlation(codes, normalize=True)
    assert report["gaussian_wasserstein_correlation"] == pytest.approx(normalized)
    assert report["n_active_components"] == 0


def test_mistaken_options_are_named_at_once(codes, factors, capsys):
    with pytest.raises(ValueError, match=r"options of \['dci'\].*are \['mig'\]"):
        disentanglement_report(
            codes, factors, metrics=["mig"], metric_params={"dci": {}}
        )
    with pytest.raises(TypeError, match="n_bin"):
        disentanglement_report(
            codes, factors, metric_params={"modularity": {"n_bin": 3}}, verbose=1
        )
    assert capsys.readouterr().out == ""


def test_jobs_do_not_change_the_report(codes, factors):
    options = {"dci": {"estimator": GradientBoostingClassifier(n_estimators=5)}}
    one, two = (
        disentanglement_report(
            codes, factors, metric_params=options, random_state=0, n_jobs=n_jobs
        )
        for n_jobs in (None, 2)
    )
    assert one == two


def test_progress(codes, factors, capsys):
    names = ["mig", "dci", "irs"]
    disentanglement_report(codes, factors, metrics=names, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    told = [
        re.fullmatch(r"\[(\w+)\] \.+ (.+), total= +\d+\.\ds", line) for line in lines
    ]
    assert [line.groups() for line in told] == [
        ("disentanglement_report", "(metric 1 of 3) mig"),
        ("dci_score", "factor in column 2 of Y"),
        ("dci_score", "factor in column 1 of Y"),
        ("dci_score", "factor in column 0 of Y"),
        ("disentanglement_report", "(metric 2 of 3) dci"),
        ("disentanglement_report", "(metric 3 of 3) irs"),
    ]
    disentanglement_report(codes, factors, metrics=names)
    assert capsys.readouterr() == ("", "")
