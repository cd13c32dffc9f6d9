"""Images whose generating factors are known: generators and fetchers."""

from sk_bvae.datasets._shapes2d import make_shapes2d

__all__ = [
    "make_shapes2d",
]
