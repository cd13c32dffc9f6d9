"""The table of a search: a row per candidate, columns per replica and over them."""

import numpy as np
from scipy.stats import rankdata

from sk_bvae.utils._sklearn import yield_masked_array_for_each_param
from sk_bvae.utils._warnings import warn

# What is known of each replica; "score" is what ranks them.
COLUMNS = ("score", "kl", "reconstruction", "n_active_components", "fit_time")


def table_of(replicas):
    """Collect the values of replicas, as arrays of the replicas' shape by name.

    Parameters
    ----------
    replicas : ndarray of shape (n_candidates, n_replicas)
        A `Replica` in each place.

    Returns
    -------
    table : dict of ndarray of shape (n_candidates, n_replicas)
        NaN where there is no value.
    """
    table = {name: np.full(replicas.shape, np.nan) for name in COLUMNS}
    for place, replica in np.ndenumerate(replicas):
        for name, value in replica.values.items():
            table[name][place] = value
    return table


def format_results(candidates, table):
    """Lay out what is known of replicas as `GridSearchCV` does.

    Parameters
    ----------
    candidates : list of dict
        The settings.

    table : dict of ndarray of shape (n_candidates, n_replicas)
        The values of each replica, by name.

    Returns
    -------
    results : dict of ndarray
        Keys "params", "param_NAME", and for each name "replica0_NAME" and so on,
        "mean_NAME" and "std_NAME"; and "rank_score".
    """
    results = dict(yield_masked_array_for_each_param(candidates))
    results["params"] = candidates
    for name, values in table.items():
        for replica, column in enumerate(values.T):
            results[f"replica{replica}_{name}"] = column
        results[f"mean_{name}"] = values.mean(axis=1)
        results[f"std_{name}"] = values.std(axis=1)
    results["rank_score"] = rank(results["mean_score"])
    if not np.isfinite(results["mean_score"]).all():
        warn(f"One or more of the scores are non-finite: {results['mean_score']}")
    return results


def rank(scores):
    """Rank from 1, the largest first; what is not a number shares the last place."""
    return rankdata(-_nan_last(scores), method="min").astype(np.int32)


def first_of_rank_1(results):
    """Find the candidate that leads the table."""
    return int(results["rank_score"].argmin())


def best_replica(results, candidate, n_replicas):
    """Find the replica of a candidate's best score."""
    scores = [results[f"replica{r}_score"][candidate] for r in range(n_replicas)]
    return best_of_scores(scores)


def best_of_scores(scores):
    """Find the first of the highest scores that are numbers."""
    return int(_nan_last(np.asarray(scores, dtype=float)).argmax())


def _nan_last(scores):
    return np.where(np.isnan(scores), -np.inf, scores)
