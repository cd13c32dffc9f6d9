"""The metrics by their names, and all of one representation at once."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

from numpy.typing import ArrayLike

from sk_bvae.metrics._active_components import ACTIVE_STD, active_components
from sk_bvae.metrics._beta_vae_score import beta_vae_score
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
from sk_bvae.metrics._mutual_info import mutual_info_gap
from sk_bvae.metrics._sap import sap_score
from sk_bvae.metrics._validation import _check_codes_and_factors
from sk_bvae.utils._random import draw_seeds
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import RandomState


def _total_correlation(Z, Y):
    """Take factors and ignore them."""
    return gaussian_total_correlation(Z)


def _wasserstein_correlation(Z, Y, *, normalize=False):
    """Take factors and ignore them."""
    return gaussian_wasserstein_correlation(Z, normalize=normalize)


def _n_active_components(Z, Y, *, threshold=ACTIVE_STD):
    """Count the codes that are active."""
    return int(active_components(Z, threshold=threshold).sum())


METRICS: dict[str, Callable[..., Any]] = {
    "mig": mutual_info_gap,
    "modularity": modularity_score,
    "explicitness": explicitness_score,
    "dci": dci_score,
    "infomec": infomec_score,
    "sap": sap_score,
    "beta_vae": beta_vae_score,
    "factor_vae": factor_vae_score,
    "irs": interventional_robustness_score,
    "gaussian_total_correlation": _total_correlation,
    "gaussian_wasserstein_correlation": _wasserstein_correlation,
    "n_active_components": _n_active_components,
}
SEEDED = {"explicitness", "dci", "infomec", "sap", "beta_vae", "factor_vae"}
LOWER_IS_BETTER = {"gaussian_total_correlation", "gaussian_wasserstein_correlation"}
# The scores of metrics that give several.
PARTS = {
    "dci": ("disentanglement", "completeness", "informativeness"),
    "infomec": ("modularity", "explicitness", "compactness"),
}


@validate_params(
    {
        "Z": ["array-like"],
        "Y": ["array-like"],
        "metrics": [list, tuple, None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def disentanglement_report(
    Z: ArrayLike,
    Y: ArrayLike,
    *,
    metrics: Sequence[str] | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> dict[str, float]:
    """Score one representation by every metric.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    metrics : list of str, default=None
        Which metrics: any of ``"mig"``, ``"modularity"``, ``"explicitness"``,
        ``"dci"``, ``"infomec"``, ``"sap"``, ``"beta_vae"``, ``"factor_vae"``,
        ``"irs"``, ``"gaussian_total_correlation"``,
        ``"gaussian_wasserstein_correlation"`` and ``"n_active_components"``. None for
        all. Without ``"dci"`` the others together take seconds.

    random_state : int, RandomState instance or None, default=None
        Determines what is drawn. An int goes to every metric as it is, so that each
        value is what the metric's own function returns with that `random_state`.

    n_jobs : int or None, default=None
        Passed to :func:`dci_score`.

    Returns
    -------
    dict of str to float
        The scores, in the order of `metrics`. ``"dci"`` gives three:
        ``"dci_disentanglement"``, ``"dci_completeness"`` and
        ``"dci_informativeness"``. So does ``"infomec"``: ``"infomec_modularity"``,
        ``"infomec_explicitness"`` and ``"infomec_compactness"``. Lower is better for
        the Gaussian correlations, and higher for all others but the number of active
        components.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, if Y holds something else than integers, or if `metrics` has an
        unknown name.

    Warns
    -----
    UndefinedMetricWarning
        If a metric leaves out a factor; each says so by its name.

    See Also
    --------
    make_disentanglement_scorer : Scores models by one metric in a grid search.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import disentanglement_report
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
    >>> Z = Y * [1.0, -2.0]
    >>> disentanglement_report(Z, Y, metrics=["mig", "irs", "n_active_components"])
    {'mig': 1.0, 'irs': 1.0, 'n_active_components': 2}

    A table of several models, one row each:

    >>> import pandas as pd
    >>> models = {"separate": Z, "mixed": Z @ [[1.0, 1.0], [0.5, -0.5]]}
    >>> pd.DataFrame.from_dict(
    ...     {
    ...         name: disentanglement_report(Z, Y, metrics=["mig", "modularity"])
    ...         for name, Z in models.items()
    ...     },
    ...     orient="index",
    ... )
              mig  modularity
    separate  1.0         1.0
    mixed     0.0         0.0
    """
    names = _check_names(metrics)
    Z, Y = _check_codes_and_factors(Z, Y)
    if not isinstance(random_state, Integral):
        random_state = draw_seeds(random_state, 1)[0]
    report: dict[str, float] = {}
    for name in names:
        options = {"random_state": random_state} if name in SEEDED else {}
        if name == "dci":
            options["n_jobs"] = n_jobs
        report |= _name_scores(name, METRICS[name](Z, Y, **options))
    return report


def _name_scores(name, result):
    """Give each score of a metric's result its name in the report."""
    if name not in PARTS:
        return {name: result}
    return {f"{name}_{part}": result[part] for part in PARTS[name]}


def _check_names(names):
    names = list(METRICS) if names is None else names
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ValueError(
            f"Unknown metrics {unknown}; metrics may name any of {list(METRICS)}."
        )
    return names
