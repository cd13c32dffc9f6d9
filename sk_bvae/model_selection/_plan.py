"""Which replicas train together, and how many at a time."""

from itertools import pairwise

from sklearn import get_config

from sk_bvae.model_selection._trial import Trial
from sk_bvae.nn._device import resolve_device
from sk_bvae.training.fingerprints import same_value
from sk_bvae.training.precision import is_large
from sk_bvae.training.solvers import SOLVERS

# A step that goes through this much memory has left its overhead far behind: more nets
# in it would take more memory and no less time.
STEP_BYTES = 256 * 2**20


def plan_stacks(estimator, candidates, estimators, shape):
    """Deal the replicas out to stacks.

    Parameters
    ----------
    estimator : BaseVAE
        What the candidates are settings of.

    candidates : list of dict
        Settings.

    estimators : dict
        An unfitted estimator for each place (candidate, replica) of the table.

    shape : tuple of int
        Shape of the data.

    Returns
    -------
    stacks : list of list of tuple
        For each stack, the places of its replicas.
    """
    stacks = []
    for group in group_candidates(estimator, candidates):
        places = [place for place in estimators if place[0] in group]
        try:
            size = stack_size(estimators[places[0]], *shape)
        except Exception:  # the fit meets it too, and reports it
            size = 1
        n_stacks = -(-len(places) // size)
        # stacks of even sizes rather than full ones and a rest; replicas of a candidate
        # stay together, so that it can be judged before the search ends
        ends = [number * len(places) // n_stacks for number in range(n_stacks + 1)]
        stacks += [places[start:end] for start, end in pairwise(ends)]
    return stacks


def group_candidates(estimator, candidates):
    """Put together the candidates whose replicas can be one stack.

    Parameters
    ----------
    estimator : BaseVAE
        What the candidates are settings of.

    candidates : list of dict
        Settings.

    Returns
    -------
    groups : list of list of int
        Positions of candidates that differ in weights of the objective only.
    """
    groups = []
    for position, candidate in enumerate(candidates):
        fixed = _without(candidate, estimator.weights)
        for settings, members in groups:
            if _same_settings(fixed, settings):
                members.append(position)
                break
        else:
            groups.append((fixed, [position]))
    return [members for _, members in groups]


def _without(candidate, names):
    return {name: value for name, value in candidate.items() if name not in names}


def _same_settings(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        same_value(ours[name], theirs[name]) for name in ours
    )


def stack_size(estimator, n_samples, n_features):
    """Say how many replicas of an estimator to train as one.

    One, where the training does things to single nets (callbacks, an optimizer that
    might not work entry by entry), where a stack would not give each replica what it
    learns alone, and on a CPU where a step is large.
    Else as many as keep within scikit-learn's ``working_memory``, and what a step takes
    beside weights and moments within `STEP_BYTES`.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.

    n_samples : int
        Rows of the data.

    n_features : int
        Columns of the data.

    Returns
    -------
    n_replicas : int
        At least 1.
    """
    if not _trains_entry_by_entry(estimator, n_features):
        return 1
    trial = Trial(estimator, n_features)
    batch_size = min(estimator.batch_size, n_samples)
    device = resolve_device(estimator.device)
    if device.type == "cpu" and is_large(trial.step_flops(batch_size), device):
        return 1  # the arithmetic is the bound, and stacking would only add to it
    if not trial.can_stack():
        return 1
    step_bytes = trial.step_bytes(batch_size, n_samples)
    available = get_config()["working_memory"] * 2**20
    within_memory = available // (trial.weight_bytes() + step_bytes)
    return max(1, int(min(within_memory, STEP_BYTES // step_bytes)))


def _trains_entry_by_entry(estimator, n_features):
    extra = estimator.net_params or {}
    return (
        estimator.solver in SOLVERS
        and not estimator._starts_at_the_end(n_features)
        and all("optimizer__" in name for name in extra)
    )
