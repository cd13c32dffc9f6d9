"""What a search has to say of its replicas beside the table."""

from numbers import Real

import numpy as np
from sklearn.exceptions import FitFailedWarning

from sk_bvae.training.fingerprints import same_value
from sk_bvae.utils._sklearn import Interval
from sk_bvae.utils._warnings import warn

# Fewer values of a parameter have no inside.
LEAST_VALUES = 3


def report_failures(candidates, replicas, error_score):
    """Warn of what failed, by its parameters; raise where nothing is left.

    Parameters
    ----------
    candidates : list of dict
        The settings.

    replicas : ndarray of shape (n_candidates, n_replicas)
        A `Replica` in each place.

    error_score : float
        The score that stands for a failure.
    """
    failed = _list_errors(candidates, replicas, "fit_error")
    report = "\n".join(failed)
    if len(failed) == replicas.size:
        raise ValueError(f"All the {len(failed)} fits failed.\n{report}")
    if failed:
        warn(
            f"{len(failed)} fits failed out of a total of {replicas.size}. Their score "
            f"is set to {error_score}.\n{report}",
            FitFailedWarning,
        )
    failed = _list_errors(candidates, replicas, "score_error")
    if failed:
        report = "\n".join(failed)
        warn(
            f"Scoring failed for {len(failed)} replicas out of a total of "
            f"{replicas.size}. A score that is missing is set to {error_score}.\n"
            f"{report}"
        )


def _list_errors(candidates, replicas, name):
    return [
        f"{candidates[row]}, replica {column}:\n{getattr(replica, name)}"
        for (row, column), replica in np.ndenumerate(replicas)
        if getattr(replica, name) is not None
    ]


def report_collapse(candidates, replicas):
    """Warn of replicas without a live latent, once for all of them.

    Parameters
    ----------
    candidates : list of dict
        The settings.

    replicas : ndarray of shape (n_candidates, n_replicas)
        A `Replica` in each place.
    """
    said = [one.collapse for one in replicas.flat if one.collapse is not None]
    if not said:
        return
    counts = [sum(one.collapse is not None for one in row) for row in replicas]
    places = ", ".join(
        f"{count} of {len(row)} with {candidate}"
        for count, row, candidate in zip(counts, replicas, candidates, strict=True)
        if count
    )
    warn(
        f"No latent of {len(said)} of the {replicas.size} replicas carries "
        f"information: {places}. The first of them says: {said[0]}"
    )


def report_edges(estimator, results, best):
    """Warn if the best candidate's neighbours on one side were not tried.

    Parameters
    ----------
    estimator : BaseModel
        What the candidates are settings of.

    results : dict of ndarray
        The table of the search.

    best : int
        The best candidate.
    """
    for name, value in results["params"][best].items():
        end = _end_of_grid(results, best, name)
        if end and not _at_a_bound(estimator, name, value, end):
            size = {"least": "smaller", "largest": "larger"}[end]
            warn(
                f"The best candidate lies at the edge of the grid: {name}={value} is "
                f"the {end} value tried. A {size} one may be better still."
            )


def _end_of_grid(results, best, name):
    """Say whether a value is the "least" or the "largest" tried, and better than all.

    Those tried are the values of candidates that are otherwise like the best one. A
    value that shares its score with others, or that is alone in having one, shows no
    direction.
    """
    scores, value = results["mean_score"], results["params"][best][name]
    line = _line_through(results["params"], best, name) if _is_number(value) else {}
    if len(set(line.values())) < LEAST_VALUES:
        return None
    others = [scores[row] for row in line if line[row] != value]
    others = [score for score in others if np.isfinite(score)]
    if not others or not scores[best] > max(others):
        return None
    ends = {min(line.values()): "least", max(line.values()): "largest"}
    return ends.get(value)


def _line_through(candidates, best, name):
    """Give the value of each candidate that differs from the best in it alone."""
    ours = candidates[best]
    return {
        row: theirs[name]
        for row, theirs in enumerate(candidates)
        if theirs.keys() == ours.keys()
        and all(same_value(theirs[key], ours[key]) for key in ours if key != name)
        and _is_number(theirs[name])
    }


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _at_a_bound(estimator, name, value, end):
    """Tell whether a parameter cannot go further."""
    bounds = [
        constraint.left if end == "least" else constraint.right
        for constraint in estimator._parameter_constraints.get(name, [])
        if isinstance(constraint, Interval)
    ]
    return value in bounds
