"""Groups of replicas spread over a cluster."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine, with one thread each, and here one too.

    Fits are the same to the bit where the number of threads is the same.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as workers,
        distributed.Client(workers),
    ):
        yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of the cluster
@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")
def test_a_cluster_gives_the_same_scores(cluster, digits):
    search = ReplicaGridSearch(
        BetaVAE(hidden_layer_sizes=(16,), max_iter=3),
        {"beta": [1, 4], "n_components": [2, 5]},
        n_replicas=2,
        random_state=0,
    )
    sequential = search.fit(digits).cv_results_
    with parallel_config("dask"):
        spread = search.set_params(n_jobs=2).fit(digits).cv_results_
    for name in ("replica0_score", "replica1_score", "mean_kl", "mean_reconstruction"):
        np.testing.assert_array_equal(spread[name], sequential[name])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")
def test_grid_search_on_a_cluster(cluster, digits):
    vae = BetaVAE(hidden_layer_sizes=(16,), max_iter=3, random_state=0)
    search = GridSearchCV(vae, {"beta": [1, 4]}, cv=2)
    sequential = search.fit(digits).cv_results_["mean_test_score"]
    with parallel_config("dask"):
        spread = search.set_params(n_jobs=2).fit(digits).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(spread, sequential)
