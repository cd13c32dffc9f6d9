"""Displays: what a representation has learned, in one line."""

from sk_bvae.inspection._biplot import BiplotDisplay
from sk_bvae.inspection._components import ComponentsDisplay
from sk_bvae.inspection._factor_matrix import FactorMatrixDisplay
from sk_bvae.inspection._latent_response import LatentResponseDisplay
from sk_bvae.inspection._latent_traversal import LatentTraversalDisplay
from sk_bvae.inspection._rate_distortion import RateDistortionDisplay
from sk_bvae.inspection._reconstruction import ReconstructionDisplay
from sk_bvae.inspection._sample import SampleDisplay
from sk_bvae.inspection._training import TrainingDisplay

__all__ = [
    "BiplotDisplay",
    "ComponentsDisplay",
    "FactorMatrixDisplay",
    "LatentResponseDisplay",
    "LatentTraversalDisplay",
    "RateDistortionDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
    "TrainingDisplay",
]
