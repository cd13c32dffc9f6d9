"""UDR ranks models as the labels would, had there been any."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from sk_bvae import BetaVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import dci_score, mutual_info_gap
from sk_bvae.model_selection import ReplicaGridSearch

ELLIPSES = {"image_size": 16, "shapes": ["ellipse"], "n_orientations": 1}
FACTORS = [1, 3, 4]  # scale, position x, position y


def measure(estimators, metric):
    return np.array([[metric(model) for model in row] for row in estimators])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No latent of 5 of the 30")  # those of beta=16
@pytest.mark.filterwarnings("ignore:.*no informative code")
@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
def test_udr_agrees_with_the_labels(capsys):
    search = ReplicaGridSearch(
        BetaVAE(
            n_components=5,
            likelihood="bernoulli",
            hidden_layer_sizes=(64,),
            learning_rate_init=0.01,
            batch_size=128,
            max_iter=100,
            early_stopping=False,
        ),
        {"beta": [0.5, 1, 2, 4, 8, 16]},
        random_state=0,
        return_estimators=True,
    ).fit(make_shapes2d(1500, random_state=0, **ELLIPSES).data)
    others = make_shapes2d(1000, random_state=1, **ELLIPSES)
    X, Y = others.data, others.target[:, FACTORS]
    mig = measure(
        search.estimators_, lambda model: mutual_info_gap(model.transform(X), Y)
    )
    dci = measure(
        search.estimators_,
        lambda model: dci_score(model.transform(X), Y, random_state=0).disentanglement,
    )
    udr = [search.cv_results_[f"replica{replica}_score"] for replica in range(5)]
    udr = np.transpose(udr)
    defined = np.isfinite(udr)  # models without a live latent have no UDR
    for name, scores in {"MIG": mig, "DCI": dci}.items():
        correlation = spearmanr(udr[defined], scores[defined]).statistic
        with capsys.disabled():
            print(f"\nUDR and {name}: rank correlation {correlation:.2f}")  # noqa: T201
        assert correlation >= 0.5
    medians = np.median(mig, axis=1)
    assert medians[search.best_index_] >= 0.8 * medians.max()
