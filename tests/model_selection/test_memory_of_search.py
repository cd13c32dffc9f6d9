"""What a search keeps in memory, and for how long."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch, _plan, _replica_grid_search
from sk_bvae.model_selection._fit import fit_replicas
from sk_bvae.training.rows import Rows

FAST = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 2,
    "init": "random",
    "early_stopping": False,
}
GRID = {"beta": [0.5, 1.0]}


def moments_of(estimator):
    net = estimator.net_
    return sum(len(net.optimizer_of(player).state) for player in net.module_)


def gradients_of(estimator):
    return [p for p in estimator.net_.module_.parameters() if p.grad is not None]


@pytest.fixture(params=[None, {"callbacks": []}], ids=["stacked", "one by one"])
def search(request):
    vae = BetaVAE(**FAST, net_params=request.param)
    return ReplicaGridSearch(vae, GRID, n_replicas=2, random_state=0)


def test_losers_keep_no_moments(search, digits):
    search.set_params(return_estimators=True).fit(digits[:200])
    for row in search.estimators_:
        for replica in row:
            best = replica is search.best_estimator_
            assert (moments_of(replica) > 0) == best
            assert gradients_of(replica) == []
            if not best:
                with pytest.raises(ValueError, match="trim_for_prediction"):
                    replica.partial_fit(digits)
    search.best_estimator_.partial_fit(digits[:200])
    assert search.best_estimator_.n_iter_ == 3


def test_losers_go_before_the_next_candidate_is_fitted(search, digits, monkeypatch):
    """At once: of each candidate before it one replica is left."""
    monkeypatch.setattr(_plan, "stack_size", lambda *args: 2)
    nets, left = [], []

    class Watching(_replica_grid_search.Judge):
        def judge(self, replicas, error_score):
            left.append(sum(net() is not None for net in nets))
            nets.extend(weakref.ref(replica.estimator.net_) for replica in replicas)
            super().judge(replicas, error_score)

    monkeypatch.setattr(_replica_grid_search, "Judge", Watching)
    gc.disable()
    try:
        search.fit(digits[:200])
    finally:
        gc.enable()
    assert left == [0, 1]
    assert sum(net() is not None for net in nets) == 1


def test_a_map_is_not_copied(tmp_path, digits, monkeypatch):
    np.save(tmp_path / "X.npy", digits)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    arrays = []

    def watch(estimators, X, *args):
        arrays.append(X)
        return fit_replicas(estimators, X, *args)

    monkeypatch.setattr(_replica_grid_search, "fit_replicas", watch)
    vae = BetaVAE(**FAST)
    ReplicaGridSearch(vae, {}, n_replicas=2, scoring="elbo", random_state=0).fit(X)
    assert all(np.shares_memory(array, X) for array in arrays)
    judge = _replica_grid_search.Judge("elbo", X, None, 0.1, 0)
    for rows in (judge.rows, judge.held_out):
        assert np.shares_memory(rows.array, X)


PROGRAM = """
import resource
import numpy as np
import torch
from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch

torch.set_num_threads(1)
X = np.random.default_rng(0).integers(0, 2, size=(192, 4096), dtype=np.uint8)
vae = BetaVAE(hidden_layer_sizes=(16,), max_iter=1, device="cpu")


def search(X, n_replicas):
    ReplicaGridSearch(
        vae, {}, n_replicas=n_replicas, scoring="elbo", random_state=0
    ).fit(X)


search(X[:100, :8], 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
search(X, 80)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has units of its own")
def test_wide_batches_do_not_fill_the_memory():
    """80 replicas of 0.5 MB, whose steps all at once would take 900 MB."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    raised = int(run.stdout)
    assert raised < 550e6, raised


def test_a_failed_replica_keeps_no_net(digits):
    vae = BetaVAE(**FAST, beta=1e38)
    before = dict(vars(vae))
    with pytest.raises(ValueError, match="stopped being finite"):
        vae._fit_rows(Rows(digits, torch.device("cpu")))
    assert vars(vae) == before
