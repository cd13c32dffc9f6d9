"""The metrics by their names, and all of one representation at once."""

import inspect
from collections.abc import Callable, Mapping, Sequence
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
from sk_bvae.utils._sklearn import print_elapsed_time, validate_params
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
        "metric_params": [Mapping, None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def disentanglement_report(
    Z: ArrayLike,
    Y: ArrayLike,
    *,
    metrics: Sequence[str] | None = None,
    metric_params: Mapping[str, Mapping[str, Any]] | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    verbose: int = 0,
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

    metric_params : dict of str to dict, default=None
        Options of the metrics' own functions, by the metrics' names. With
        ``{"dci": {"estimator": RandomForestClassifier(max_features=None)}}`` DCI takes
        seconds too.

    random_state : int, RandomState instance or None, default=None
        Determines what is drawn. An int goes to every metric as it is, so that each
        value is what the metric's own function returns with that `random_state`.

    n_jobs : int or None, default=None
        Passed to :func:`dci_score`. The result does not depend on it.

    verbose : int, default=0
        Whether to print a line for each metric that is done, with the time it took,
        and within DCI for each factor.

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
        differ, if Y holds something else than integers, if `metrics` has an unknown
        name, or if `metric_params` has one that is not in `metrics`.
    TypeError
        If a metric does not take one of its options.

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

    With an option, and a line for each metric as it ends:

    >>> params = {"mig": {"n_bins": 2}}
    >>> disentanglement_report(Z, Y, metrics=["mig"], metric_params=params, verbose=1)
    [disentanglement_report] ..... (metric 1 of 1) mig, total= ...s
    {'mig': 1.0}

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
    shared = {"random_state": random_state, "n_jobs": n_jobs, "verbose": verbose}
    options = _choose_options(names, shared, metric_params or {})
    report: dict[str, float] = {}
    for place, name in enumerate(names, start=1):
        message = f"(metric {place} of {len(names)}) {name}" if verbose else None
        with print_elapsed_time("disentanglement_report", message):
            result = METRICS[name](Z, Y, **options[name])
        report |= _name_scores(name, result)
    return report


def _choose_options(names, shared, own):
    """Give each metric what it takes of the shared options, and those of its own."""
    strangers = [name for name in own if name not in names]
    if strangers:
        raise ValueError(
            f"metric_params has options of {strangers}, but the metrics are {names}."
        )
    chosen = {}
    for name in names:
        signature = inspect.signature(METRICS[name])
        taken = shared.keys() & signature.parameters.keys()
        chosen[name] = {key: shared[key] for key in taken} | dict(own.get(name, {}))
        # Now, and not when the metrics before it have taken their time.
        signature.bind(None, None, **chosen[name])
    return chosen


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
