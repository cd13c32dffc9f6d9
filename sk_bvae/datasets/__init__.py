"""Images whose generating factors are known: generators and fetchers."""

from sk_bvae.datasets._blobs2d import make_blobs2d
from sk_bvae.datasets._discontinuity import factor_discontinuity
from sk_bvae.datasets._dsprites import fetch_dsprites
from sk_bvae.datasets._shapes2d import make_shapes2d
from sk_bvae.datasets._shapes3d import fetch_shapes3d

__all__ = [
    "factor_discontinuity",
    "fetch_dsprites",
    "fetch_shapes3d",
    "make_blobs2d",
    "make_shapes2d",
]
