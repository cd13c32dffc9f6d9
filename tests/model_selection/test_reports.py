"""What a search warns of."""

import numpy as np
import pytest

from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.model_selection._reports import report_edges
from sk_bvae.model_selection._results import format_results

FAST = {"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 4}


@pytest.fixture(scope="module")
def digits(digits):
    return digits[:200]


# Dead latents


@pytest.mark.parametrize("net_params", [None, {"callbacks": []}])
def test_dead_replicas_are_said_once(digits, net_params):
    """In a stack, and one by one, which a callback in the net's parameters means."""
    quick = {**FAST, "max_iter": 30, "learning_rate_init": 0.01}
    vae = BetaVAE(**quick, net_params=net_params)
    search = ReplicaGridSearch(
        vae, {"beta": [0.1, 100.0]}, n_replicas=3, scoring="elbo", random_state=0
    )
    expected = (
        r"No latent of 3 of the 6 replicas .* 3 of 3 with \{'beta': 100.0\}\. "
        r".*beta=100\.0"
    )
    with pytest.warns(UserWarning, match=expected) as caught:
        search.fit(digits)
    assert sum("No latent" in str(one.message) for one in caught) == 1
    assert caught[0].filename == __file__


# Edges


def results_of(candidates, scores):
    scores = np.asarray(scores, dtype=float)
    return format_results(candidates, {"score": scores[:, None]})


def betas(*values):
    return [{"beta": value} for value in values]


@pytest.mark.parametrize(
    ("candidates", "scores", "message"),
    [
        (betas(1, 4, 16), [1, 2, 3], r"beta=16 is the largest value tried\. A larger"),
        (betas(16, 4, 1), [1, 2, 3], r"beta=1 is the least value tried\. A smaller"),
        (betas(1.0, 4, np.float64(16)), [1, 2, 3], "beta=16.0 is the largest"),
        (
            [{"n_components": n, "beta": b} for n in (2, 5) for b in (1, 2, 4)],
            [0, 0, 0, 3, 2, 1],
            "beta=1 is the least",
        ),
        (  # the second grid's own edge
            [*betas(64, 128), *({"network": "mlp", "beta": b} for b in (1, 2, 4))],
            [0, 0, 1, 2, 3],
            "beta=4 is the largest",
        ),
    ],
)
def test_a_best_candidate_at_an_edge_is_said_to_be(candidates, scores, message):
    results = results_of(candidates, scores)
    with pytest.warns(UserWarning, match=message) as caught:
        report_edges(BetaVAE(), results, int(np.argmax(scores)))
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("candidates", "scores"),
    [
        (betas(1, 4, 16), [1, 3, 2]),  # inside
        (betas(1, 4), [1, 2]),  # two values have no inside
        (betas(1, 4, 4, 1), [1, 2, 2, 1]),
        (betas(1, 4, 16), [2, 2, 2]),  # no direction
        (betas(1, 4, 16), [3, 3, 1]),
        (betas(0, 4, 16), [3, 2, 1]),  # beta cannot be less
        ([{"n_components": n} for n in (1, 2, 3)], [3, 2, 1]),
        ([{"early_stopping": e} for e in (True, False)], [3, 2]),
        ([{"network": n} for n in ("mlp", "higgins_fc", "burgess_conv")], [3, 2, 1]),
        ([{"hidden_layer_sizes": (n,)} for n in (8, 16, 32)], [1, 2, 3]),
        ([{"hidden_layer_sizes": n} for n in ((8,), 16, 32, 64)], [4, 1, 2, 3]),
        ([{"noise_variance": n} for n in (None, 0.1, 0.2, 0.4)], [9, 1, 2, 3]),
        # the next value stands in another grid
        ([*betas(1, 2, 4), *betas(8, 16)], [1, 2, 4, 3, 0]),
        # three values, but one for each of the other settings
        ([{"n_components": n, "beta": n} for n in (2, 4, 8)], [1, 2, 3]),
    ],
)
def test_other_best_candidates_are_not(candidates, scores):
    report_edges(BetaVAE(), results_of(candidates, scores), int(np.argmax(scores)))


@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([1, 2, np.nan], 1),  # the larger value was tried, and failed
        ([np.nan] * 3, 0),
        ([1, np.nan, np.nan], 0),  # alone
    ],
)
def test_scores_that_are_not_numbers_show_no_direction(scores, best):
    report_edges(BetaVAE(), results_of(betas(1, 4, 16), scores), best)


@pytest.mark.filterwarnings("ignore:No latent")
def test_a_search_says_so(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        {"beta": [1.0, 2.0, 4.0]},
        n_replicas=1,
        scoring=lambda estimator, X, y: estimator.beta,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="beta=4.0 is the largest") as caught:
        search.fit(digits)
    assert caught[0].filename == __file__
    search.set_params(refit=lambda results: 2).fit(digits)  # by rules of its own
    search.set_params(refit=False).fit(digits)  # for the table alone
