"""Model selection with replicas that train together."""

from sk_bvae.model_selection._replica_grid_search import ReplicaGridSearch

__all__ = ["ReplicaGridSearch"]
