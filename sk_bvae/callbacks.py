"""Callbacks in scikit-learn's sense, for ``set_callbacks``."""

from sk_bvae.training.checkpoint import Checkpoint, SearchCheckpoint

__all__ = ["Checkpoint", "SearchCheckpoint"]
