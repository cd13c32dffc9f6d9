"""The table of a search: a row per candidate, columns per replica and over them."""

import warnings

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
        values = values.astype(float)
        for replica, column in enumerate(values.T):
            results[f"replica{replica}_{name}"] = column
        results[f"mean_{name}"] = values.mean(axis=1)
        results[f"std_{name}"] = values.std(axis=1)
    results["rank_score"] = rank(results["mean_score"])
    if not np.isfinite(results["mean_score"]).all():
        warnings.warn(
            f"One or more of the scores are non-finite: {results['mean_score']}",
            stacklevel=3,
        )
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
    return int(_nan_last(scores).argmax())


def of_each(replicas, function):
    """Make a table of what a function returns for each replica of a table."""
    values = [function(replica) for replica in replicas.flat]
    table = np.empty(len(values), dtype=object)
    table[:] = values
    return table.reshape(replicas.shape)


def _nan_last(scores):
    return np.where(np.isnan(scores), -np.inf, scores)
