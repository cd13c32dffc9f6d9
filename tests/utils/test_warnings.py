import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV

from sk_bvae import BetaVAE
from sk_bvae.metrics import mutual_info_gap
from sk_bvae.utils._warnings import warn


def of_a_metric(X):
    mutual_info_gap(X, np.zeros((len(X), 1), dtype=int))


def of_a_fit(X):
    BetaVAE(2, beta=1e3, max_iter=1, random_state=0).fit(X)


def of_a_search(X):
    vae = BetaVAE(2, max_iter=1, random_state=0)
    GridSearchCV(vae, {"beta": [1e3]}, cv=2).fit(X)


@pytest.mark.parametrize("call", [of_a_metric, of_a_fit, of_a_search])
def test_the_users_line_is_named(rng, call):
    with pytest.warns(match=r"undefined|No latent") as caught:
        call(rng.normal(size=(20, 3)))
    assert {one.filename for one in caught} == {__file__}


def test_kinds_of_messages():
    with pytest.warns(UserWarning, match="words"):
        warn("words")
    with pytest.warns(UndefinedMetricWarning, match="words"):
        warn("words", UndefinedMetricWarning)
    with pytest.warns(FutureWarning, match="words"):
        warn(FutureWarning("words"))
