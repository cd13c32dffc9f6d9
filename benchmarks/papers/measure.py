"""Measure trained models, and keep a line of each in ``docs/results/papers.csv``.

`train.py` does so as each model ends: models are large and stay where they were
trained, the lines are kept with the project. ``python benchmarks/papers/measure.py
NAME`` measures a model again.
"""

import argparse
import platform
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from models import FOLDER, make_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    factor_vae_score,
    mutual_info_gap,
)

KEPT = Path(__file__).parents[2] / "docs" / "results" / "papers.csv"
PROTOCOL = {
    "factors": [1, 2, 3, 4],
    "initial_weights": "random",
    "n_pairs": 64,
    "n_train": 500,
    "n_test": 500,
}
N_CLASSIFIERS = 3
# DCI fits a hundred trees for each class of each factor: factors of fewer classes.
N_DCI, COARSER = 1000, [1, 2, 10, 8, 8]


def record(name, model):
    """Measure a model, and put its line in the place of an older one."""
    line = {
        "name": name,
        "epochs": model.n_iter_,
        "minutes": minutes_of(model),
        "machine": platform.processor() or platform.machine(),
        **describe(model),
        **score_higgins(model),
        **score_codes(model),
        **score_classifiers(model),
    }
    lines = pd.DataFrame([line])
    if KEPT.exists():
        older = pd.read_csv(KEPT)
        lines = pd.concat([older[older["name"] != name], lines])
    lines.to_csv(KEPT, index=False, float_format="%.4g")
    return line


def minutes_of(model):
    """Estimate how long the training took, pauses and what a kill has lost left out.

    A fit that goes on from a checkpoint knows of its own epochs alone, and a model that
    was loaded of none.
    """
    seconds = [epoch["dur"] for epoch in model.net_.history if "dur" in epoch]
    return model.n_iter_ * np.median(seconds) / 60 if seconds else np.nan


def describe(model):
    """Count the active latents, and what they and the error cost, in nats."""
    return {
        "active": model.n_active_components_,
        "nats": getattr(model, model.nats).sum(),
        "error": model.history_.get("reconstruction", [np.nan])[-1],
    }


def score_higgins(model):
    """Score by Higgins et al.'s linear classifier, in %, several times."""
    images = make_images(random_state=1, n_images=10_000)
    return {
        f"higgins_{seed}": 100
        * beta_vae_score(model.transform, images, random_state=seed, **PROTOCOL)
        for seed in range(N_CLASSIFIERS)
    }


def score_codes(model):
    """Score by what asks for one code per factor."""
    images = make_images(random_state=1, n_images=10_000)
    Z = model.transform(images.data)
    coarse = images.target[:N_DCI] // COARSER
    return {
        "mig": mutual_info_gap(Z, images.target),
        "dci": dci_score(Z[:N_DCI], coarse, random_state=0).disentanglement,
        "factor_vae": factor_vae_score(Z, images.target, random_state=0),
    }


def score_classifiers(model):
    """Score a linear classifier of each factor, in % (table 2 of Higgins et al.)."""
    train, test = (make_images(seed, n_images=5000) for seed in (1, 2))
    Z_train, Z_test = model.transform(train.data), model.transform(test.data)
    # Hardly penalised, as the published rows seem to be: at C=1 positions read worse.
    linear = LogisticRegression(C=100, max_iter=1000)
    classifier = make_pipeline(StandardScaler(), linear)
    return {
        name: 100 * classifier.fit(Z_train, y_train).score(Z_test, y_test)
        for name, y_train, y_test in zip(
            train.factor_names, train.target.T, test.target.T, strict=True
        )
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    for name in parser.parse_args().names:
        print(record(name, joblib.load(FOLDER / f"{name}.joblib")), flush=True)


if __name__ == "__main__":
    main()
