"""The table of a search: a row per candidate, columns per replica and over them."""

import numpy as np
from scipy.stats import rankdata

from sk_bvae.utils._sklearn import yield_masked_array_for_each_param


def format_results(candidates, **measured):
    """Lay out what was measured as `GridSearchCV` does.

    Parameters
    ----------
    candidates : list of dict
        The settings.

    **measured : ndarray of shape (n_candidates, n_replicas)
        What was measured of each replica, by name; "score" is what ranks them.

    Returns
    -------
    results : dict of ndarray
        Keys "params", "param_NAME", and for each name "replica0_NAME" and so on,
        "mean_NAME" and "std_NAME"; and "rank_score".
    """
    results = dict(yield_masked_array_for_each_param(candidates))
    results["params"] = candidates
    for name, values in measured.items():
        for replica, column in enumerate(values.T):
            results[f"replica{replica}_{name}"] = column
        results[f"mean_{name}"] = values.mean(axis=1)
        results[f"std_{name}"] = values.std(axis=1)
    results["rank_score"] = rank(results["mean_score"])
    return results


def rank(scores):
    """Rank from 1, the largest first; what is not a number shares the last place."""
    filled = np.where(np.isnan(scores), -np.inf, scores)
    return rankdata(-filled, method="min").astype(np.int32)


def best_replica(scores):
    """Find the replica of the best score, NaN being the worst there is."""
    return int(np.where(np.isnan(scores), -np.inf, scores).argmax())
