import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.exceptions import InconsistentVersionWarning, UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV

import sk_bvae
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


def test_the_line_that_loads_an_old_file_is_named(tmp_path, monkeypatch):
    vae = BetaVAE(random_state=0)
    monkeypatch.setattr(sk_bvae, "__version__", "0.0.1")
    joblib.dump(vae, tmp_path / "vae.joblib")
    skops.io.dump(vae, tmp_path / "vae.skops")
    pickled = pickle.dumps(vae)
    trusted = skops.io.get_untrusted_types(file=tmp_path / "vae.skops")
    monkeypatch.undo()
    for load in (
        lambda: pickle.loads(pickled),
        lambda: joblib.load(tmp_path / "vae.joblib"),
        lambda: skops.io.load(tmp_path / "vae.skops", trusted=trusted),
    ):
        with pytest.warns(InconsistentVersionWarning) as caught:
            load()
        assert [one.filename for one in caught] == [__file__]


def test_kinds_of_messages():
    with pytest.warns(UserWarning, match="words"):
        warn("words")
    with pytest.warns(UndefinedMetricWarning, match="words"):
        warn("words", UndefinedMetricWarning)
    with pytest.warns(FutureWarning, match="words"):
        warn(FutureWarning("words"))
