"""Disentangled representation learning with the scikit-learn API."""

__version__ = "0.1.0.dev0"
