"""Measure the models that `train.py` has trained, and draw the papers' figures.

Tables go to standard output and to text files, pictures to the folder of this call:
``cd docs/results && python ../../benchmarks/papers/figures.py`` keeps what the guide's
page of results shows. ``scores``, ``classification``, ``responses`` or ``capacity``
makes only that. What is not trained yet is left out, and said.
"""

import argparse
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from models import SNAPSHOTS, make_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae.inspection import (
    LatentResponseDisplay,
    LatentTraversalDisplay,
    ReconstructionDisplay,
    TrainingDisplay,
)
from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    factor_vae_score,
    higgins_protocol,
    mutual_info_gap,
)

FOLDER = Path(__file__).parent / "models"
ROWS = {
    "DC-IGN": "dc_ign_seed_*",
    "InfoGAN": "info_gan_seed_*",
    "VAE": "higgins_beta_1_seed_*",
    "beta-VAE": "higgins_beta_4_seed_*",
}
HIGGINS = {"DC-IGN": 99.3, "InfoGAN": 73.5, "VAE": 61.58, "beta-VAE": 99.23}
TABLE_2 = {
    "DC-IGN": (44.82, 45.92, 15.89, 47.64, 45.88),
    "InfoGAN": (44.47, 40.91, 6.39, 27.51, 23.73),
    "VAE": (41.55, 24.07, 8.0, 16.5, 18.72),
    "beta-VAE": (50.08, 43.03, 20.36, 52.25, 49.5),
}
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


class Page:
    """A text file, which is printed too."""

    def __init__(self, name):
        self.path = Path(name)
        self.path.write_text("")

    def line(self, text=""):
        print(text, flush=True)
        with self.path.open("a") as file:
            file.write(f"{text.rstrip()}\n")


def load(pattern):
    """Load what is trained to its end, by seed."""
    models = [joblib.load(path) for path in sorted(FOLDER.glob(f"{pattern}.joblib"))]
    return [model for model in models if model.n_iter_ == model.max_iter]


def load_rows():
    rows = {name: load(pattern) for name, pattern in ROWS.items()}
    for name, models in rows.items():
        print(f"{name}: {len(models)} trained", flush=True)
    return {name: models for name, models in rows.items() if models}


def judge(model, test):
    """Measure Higgins scores in %, then MIG, DCI's disentanglement, FactorVAE score."""
    higgins = [
        100 * beta_vae_score(model.transform, test, random_state=seed, **PROTOCOL)
        for seed in range(N_CLASSIFIERS)
    ]
    Z = model.transform(test.data)
    coarse = test.target[:N_DCI] // COARSER
    dci = dci_score(Z[:N_DCI], coarse, random_state=0).disentanglement
    gap = mutual_info_gap(Z, test.target)
    return higgins, (gap, dci, factor_vae_score(Z, test.target, random_state=0))


def describe(model):
    """Say how many latents are active, and what they and the error cost, in nats."""
    nats = getattr(model, model.nats).sum()
    error = model.history_.get("reconstruction", [np.nan])[-1]
    return model.n_active_components_, nats, error


def print_scores():
    page = Page("papers_scores.txt")
    test = make_images(random_state=1, n_images=10_000)
    page.line(
        f"{'':10}{'seeds':>6}{'Higgins, % (published)':>26}{'MIG':>7}{'DCI D':>7}"
        f"{'FactorVAE':>11}{'active':>8}{'nats':>7}{'error':>8}"
    )
    gaps = {}
    for name, models in load_rows().items():
        with Parallel(n_jobs=2, prefer="threads") as parallel:
            judged = parallel(delayed(judge)(model, test) for model in models)
        higgins, others = zip(*judged, strict=True)
        best = higgins_protocol(np.concatenate(higgins))
        gaps[name] = [gap for gap, _, _ in others]
        mig, dci, factor = np.median(others, axis=0)
        active, nats, error = np.mean([describe(model) for model in models], axis=0)
        score = f"{best.mean:.1f} +- {best.std:.1f} ({HIGGINS[name]:.1f})"
        page.line(
            f"{name:10}{len(models):6}{score:>26}{mig:7.2f}{dci:7.2f}{factor:11.2f}"
            f"{active:8.1f}{nats:7.1f}{error:8.1f}"
        )
    page.line("\nMIG of each seed")
    for name, values in gaps.items():
        page.line(f"{name:10}" + "".join(f"{value:7.3f}" for value in values))


def accuracies(model, train, test):
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    Z_train, Z_test = model.transform(train.data), model.transform(test.data)
    return [
        100 * classifier.fit(Z_train, y_train).score(Z_test, y_test)
        for y_train, y_test in zip(train.target.T, test.target.T, strict=True)
    ]


def print_classification():
    page = Page("papers_classification.txt")
    train, test = (make_images(seed, n_images=5000) for seed in (1, 2))
    columns = ["shape", "scale", "orientation", "x", "y", "mean"]
    page.line("accuracy, %: measured (published)")
    page.line(f"{'':10}" + "".join(f"{name:>14}" for name in columns))
    for name, models in load_rows().items():
        ours = np.mean([accuracies(model, train, test) for model in models], axis=0)
        both = zip(
            [*ours, ours.mean()],
            [*TABLE_2[name], np.mean(TABLE_2[name])],
            strict=True,
        )
        cells = "".join(f"{f'{a:.1f} ({b:.1f})':>14}" for a, b in both)
        page.line(f"{name:10}{cells}")


def draw_responses():
    """Draw of each kind of model the seed of the highest MIG."""
    test = make_images(random_state=1, n_images=5000)
    for name, models in load_rows().items():
        gaps = [mutual_info_gap(m.transform(test.data), test.target) for m in models]
        display = LatentResponseDisplay.from_estimator(
            models[int(np.argmax(gaps))], test, latents=5, random_state=0
        )
        display.figure_.suptitle(f"{name}, MIG {max(gaps):.2f}")
        label = name.lower().replace("-", "_")
        display.figure_.savefig(f"plot_papers_responses_{label}.png", dpi=120)


def draw_capacity():
    """Draw Burgess et al.'s figure 4: one model as its capacity grows."""
    page = Page("papers_capacity.txt")
    name = "burgess_capacity_25"
    whole = load(name)
    stages = [joblib.load(FOLDER / f"{name}_epoch_{n}.joblib") for n in SNAPSHOTS[name]]
    stages += whole
    test = make_images(random_state=1, n_images=5000)
    page.line(f"{'':16}{'KL, nats':>9}{'error':>8}{'active':>8}{'MIG':>7}")
    for model in stages:
        describe_stage(page, f"C = {capacity_of(model):.1f}", model, test)
    for model in load("burgess_beta_4"):
        describe_stage(page, "beta = 4", model, test)
    figure, panels = plt.subplots(
        *(2, len(stages)),
        figsize=(3 * len(stages), 6),
        height_ratios=[1, 3],
        layout="constrained",
    )
    for (above, below), model in zip(panels.T, stages, strict=True):
        ReconstructionDisplay.from_estimator(model, test.data, n_samples=6, ax=above)
        above.set_title(f"C = {capacity_of(model):.0f} nats")
        LatentTraversalDisplay.from_estimator(
            model, test.data, seed_row=test.data[3], latents=6, ax=below
        )
    figure.savefig("plot_papers_capacity.png", dpi=120)
    for model in whole:
        display = TrainingDisplay.from_estimator(model)
        display.figure_.savefig("plot_papers_capacity_training.png", dpi=120)


def capacity_of(model):
    return model.history_["capacity"][-1]


def describe_stage(page, label, model, test):
    nats, error = model._rate_and_distortion(test.data)
    gap = mutual_info_gap(model.transform(test.data), test.target[:, 1:])
    active = model.n_active_components_
    page.line(f"{label:16}{nats:9.1f}{error:8.1f}{active:8}{gap:7.2f}")


FIGURES = {
    "scores": print_scores,
    "classification": print_classification,
    "responses": draw_responses,
    "capacity": draw_capacity,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", default=FIGURES)
    options = parser.parse_args()
    plt.switch_backend("agg")
    warnings.simplefilter("ignore")
    for name in options.figures:
        FIGURES[name]()


if __name__ == "__main__":
    main()
