"""What a search measures."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae import BetaVAE
from sk_bvae.model_selection._judge import udr

FAST = {"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 4}


def test_rate_and_distortion_make_the_loss(digits):
    still = {"learning_rate_init": 1e-9}
    vae = BetaVAE(**FAST, **still, beta=2.0, random_state=0).fit(digits)
    kl, reconstruction = vae._rate_and_distortion(digits)
    assert kl == pytest.approx(vae.kl_.sum(), rel=1e-4)
    # other noise, same weights
    assert reconstruction == pytest.approx(vae.history_["reconstruction"][-1], rel=0.01)
    assert (kl, reconstruction) == tuple(vae._rate_and_distortion(digits))


def test_udr_of_fewer_than_two(digits):
    vae = BetaVAE(**FAST, random_state=0).fit(digits)
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert np.isnan(udr([vae], digits)).all()
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert udr([], digits).shape == (0,)
