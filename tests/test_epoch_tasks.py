"""scikit-learn's callbacks, Ctrl-C, and what a fit leaves as it was."""

import numpy as np
import pytest
import torch
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae import BetaVAE

FAST = {
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "random_state": 0,
    "init": "random",
    "early_stopping": False,
}


class Watcher:
    """Counts the epochs, and asks to stop after some of them."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.epochs = 0
        self.scores = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.epochs += 1
            if context.estimator_name == "BetaVAE":
                self.scores.append(fitted_estimator.score(X))
            return self.epochs == self.stop_after


def test_progress_bar_shows_the_epochs(digits, capsys):
    BetaVAE(**FAST).set_callbacks(ProgressBar()).fit(digits)
    printed = capsys.readouterr().out
    assert "BetaVAE - fit" in printed
    assert "100%" in printed


def test_progress_bars_nest(digits, capsys, AnyVAE):
    pipeline = make_pipeline(StandardScaler(), AnyVAE(**FAST))
    search = GridSearchCV(
        pipeline, {f"{AnyVAE.__name__.lower()}__n_components": [2, 3]}, cv=2
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(digits[:200])
    printed = capsys.readouterr().out
    assert "GridSearchCV - fit" in printed
    assert "Pipeline" in printed
    assert f"{AnyVAE.__name__} - fit" in printed


def test_a_callback_that_asks_to_stop_stops(digits):
    watcher = Watcher(stop_after=2)
    vae = BetaVAE(**FAST).set_callbacks(watcher).fit(digits)
    assert watcher.epochs == vae.n_iter_ == 2


def test_callbacks_see_the_estimator_as_it_is_then(digits):
    watcher = Watcher()
    vae = BetaVAE(**FAST).set_callbacks(watcher).fit(digits)
    expected = [
        BetaVAE(**{**FAST, "max_iter": n}).fit(digits).score(digits)
        for n in (1, 2, 3, 4)
    ]
    np.testing.assert_allclose(watcher.scores, expected, rtol=1e-5)
    assert vae.score(digits) == watcher.scores[-1]


def test_watching_changes_nothing(digits):
    watched = BetaVAE(**FAST).set_callbacks(Watcher()).fit(digits)
    plain = BetaVAE(**FAST).fit(digits)
    np.testing.assert_array_equal(watched.transform(digits), plain.transform(digits))


def test_scoring_monitor_scores_every_epoch(digits):
    monitor = ScoringMonitor(
        scoring={"elbo": lambda estimator, X, y: estimator.score(X, y)}
    )
    vae = BetaVAE(**FAST).set_callbacks(monitor).fit(digits)
    scores = [row["elbo"] for row in monitor.get_logs().data]
    assert len(scores) == 5  # four epochs, and the fit as a whole
    assert scores[-1] == vae.score(digits)


def test_ctrl_c_propagates(digits, press_ctrl_c):
    press_ctrl_c(0.5)
    vae = BetaVAE(max_iter=100_000, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        vae.fit(digits)
    assert not hasattr(vae, "net_")


@pytest.mark.parametrize("random_state", [0, None])
def test_global_states_are_as_before(digits, random_state, global_random_states):
    before = global_random_states()
    n_threads = torch.get_num_threads()
    vae = BetaVAE(**{**FAST, "random_state": random_state}).fit(digits)
    vae.score(digits)
    vae.sample(3, random_state=random_state)
    vae.partial_fit(digits)
    assert global_random_states() == before
    assert torch.get_num_threads() == n_threads
