import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA, FastICA
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d

VAE = {"hidden_layer_sizes": (16,), "max_iter": 2, "random_state": 0}


@pytest.fixture(scope="session")
def shapes():
    return make_shapes2d(
        300, image_size=16, n_orientations=6, n_positions=8, random_state=0
    )


@pytest.fixture(scope="session")
def table():
    """A table of 30 columns with names and units of its own."""
    return load_breast_cancer(as_frame=True).data


@pytest.fixture(scope="session")
def colours():
    """Smooth RGB images of 8 x 9 pixels, channels last, values from 0 to 255."""
    rng = np.random.default_rng(0)
    across, down = np.linspace(0, 1, 9), np.linspace(0, 1, 8)[:, None]
    grey = rng.random((200, 1, 1)) * across + rng.random((200, 1, 1)) * down
    images = grey[..., None] * rng.random((200, 1, 1, 3))
    return (127 * images).reshape(200, -1).astype(np.uint8)


@pytest.fixture(scope="session")
def datasets(digits, shapes, colours, table):
    """Data, and what a display has to be told of them."""
    return {
        "digits": (digits[:300], {}),
        "shapes": (shapes.data, {}),
        "RGB images": (colours, {"image_shape": (8, 9, 3)}),
        "table": (table, {}),
    }


@pytest.fixture(scope="session")
def fitted(datasets):
    """Every transformer fitted to every data set, at 5 latents."""
    transformers = {
        "BetaVAE": lambda: BetaVAE(5, **VAE),
        "PCA": lambda: PCA(5),
        # FastICA breaks down where the first column is constant
        "FastICA": lambda: make_pipeline(
            VarianceThreshold(),
            FastICA(5, random_state=0, tol=0.1, max_iter=1000),
        ),
        "Pipeline": lambda: make_pipeline(StandardScaler(), PCA(5)),
        "Pipeline of a VAE": lambda: make_pipeline(MinMaxScaler(), BetaVAE(5, **VAE)),
    }
    return {
        (data, name): make().fit(X)
        for data, (X, _) in datasets.items()
        for name, make in transformers.items()
    }
