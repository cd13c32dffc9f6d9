"""Draw the papers' figures of the models that `train.py` has trained and measured.

Tables go to standard output and to text files, pictures to the folder of this call:
``cd docs/results && python ../../benchmarks/papers/figures.py`` keeps what the guide's
page of results shows. ``scores``, ``classification``, ``ranking``, ``responses`` or
``capacity`` makes only that. The first two are of all lines in ``papers.csv``, the
others of the models that are on this machine.
"""

import argparse
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from measure import KEPT
from models import FOLDER, SNAPSHOTS, make_images

from sk_bvae.inspection import (
    LatentResponseDisplay,
    LatentTraversalDisplay,
    ReconstructionDisplay,
)
from sk_bvae.metrics import (
    higgins_protocol,
    mutual_info_gap,
    unsupervised_disentanglement_ranking,
)

ROWS = {
    "DC-IGN": "dc_ign_seed_",
    "InfoGAN": "info_gan_seed_",
    "VAE": "higgins_beta_1_seed_",
    "VAE, Adam": "higgins_adam_beta_1_seed_",
    "beta-VAE": "higgins_beta_4_seed_",
    "beta-VAE, Adam": "higgins_adam_beta_4_seed_",
}
HIGGINS = {"DC-IGN": 99.3, "InfoGAN": 73.5, "VAE": 61.58, "beta-VAE": 99.23}
TABLE_2 = {
    "DC-IGN": (44.82, 45.92, 15.89, 47.64, 45.88),
    "InfoGAN": (44.47, 40.91, 6.39, 27.51, 23.73),
    "VAE": (41.55, 24.07, 8.0, 16.5, 18.72),
    "beta-VAE": (50.08, 43.03, 20.36, 52.25, 49.5),
}


class Page:
    """A text file, which is printed too."""

    def __init__(self, name):
        self.path = Path(name)
        self.path.write_text("")

    def line(self, text=""):
        print(text, flush=True)
        with self.path.open("a") as file:
            file.write(f"{text.rstrip()}\n")


def lines_of_rows():
    """Look up what was measured of each row's seeds."""
    lines = pd.read_csv(KEPT)
    rows = {name: lines[lines["name"].str.startswith(ROWS[name])] for name in ROWS}
    return {name: lines for name, lines in rows.items() if len(lines)}


def print_scores():
    page = Page("papers_scores.txt")
    page.line(
        f"{'':15}{'seeds':>6}{'epochs':>8}{'hours':>7}"
        f"{'Higgins, % (published)':>25}{'MIG':>7}{'DCI D':>7}{'FactorVAE':>11}"
    )
    rows = lines_of_rows()
    for name, lines in rows.items():
        best = higgins_protocol(lines.filter(regex="higgins_").to_numpy().ravel())
        middle = lines[["mig", "dci", "factor_vae"]].median()
        published = HIGGINS[name.removesuffix(", Adam")]
        score = f"{best.mean:.1f} +- {best.std:.1f} ({published:.1f})"
        page.line(
            f"{name:15}{len(lines):6}{lines['epochs'].mean():8.0f}"
            f"{lines['minutes'].sum() / 60:7.1f}{score:>25}"
            f"{middle['mig']:7.2f}{middle['dci']:7.2f}{middle['factor_vae']:11.2f}"
        )
    page.line(f"\n{'':15}{'active latents':>16}{'KL, nats':>10}{'error, nats':>13}")
    for name, lines in rows.items():
        mean = lines[["active", "nats", "error"]].mean()
        error = f"{mean['error']:.1f}" if np.isfinite(mean["error"]) else "-"
        page.line(f"{name:15}{mean['active']:16.1f}{mean['nats']:10.1f}{error:>13}")
    page.line("\nMIG of each seed")
    for name, lines in rows.items():
        page.line(f"{name:15}" + "".join(f"{gap:7.3f}" for gap in lines["mig"]))


def print_classification():
    page = Page("papers_classification.txt")
    columns = ["shape", "scale", "orientation", "position_x", "position_y"]
    page.line("accuracy, %: measured (published)")
    page.line(f"{'':15}" + "".join(f"{name:>14}" for name in [*columns, "mean"]))
    for name, lines in lines_of_rows().items():
        ours = lines[columns].mean()
        theirs = TABLE_2[name.removesuffix(", Adam")]
        both = zip([*ours, ours.mean()], [*theirs, np.mean(theirs)], strict=True)
        cells = "".join(f"{f'{a:.1f} ({b:.1f})':>14}" for a, b in both)
        page.line(f"{name:15}{cells}")


def load(pattern):
    """Load what is trained to its end, by seed."""
    models = [joblib.load(path) for path in sorted(FOLDER.glob(f"{pattern}.joblib"))]
    return [model for model in models if model.n_iter_ == model.max_iter]


def print_ranking():
    """Rank the seeds of each VAE without labels, beside what labels say of them."""
    page = Page("papers_ranking.txt")
    measured = pd.read_csv(KEPT, index_col="name")
    test = make_images(random_state=1, n_images=5000)
    page.line(f"{'':15}{'seed':>6}{'UDR':>7}{'Higgins, %':>12}{'MIG':>7}{'loss':>8}")
    for name in ("VAE, Adam", "beta-VAE, Adam"):
        models = load(f"{ROWS[name]}*")
        if len(models) < 2:  # nobody to agree with
            continue
        ranking = unsupervised_disentanglement_ranking(
            [model.transform(test.data) for model in models],
            kl=[model.kl_ for model in models],
        )
        for model, udr in zip(models, ranking, strict=True):
            line = measured.loc[f"{ROWS[name]}{model.random_state}"]
            page.line(
                f"{name:15}{model.random_state:6}{udr:7.2f}"
                f"{line.filter(like='higgins_').mean():12.1f}{line['mig']:7.2f}"
                f"{model.loss_curve_[-1]:8.1f}"
            )


def draw_responses():
    """Draw of each kind of model the seed of the highest MIG."""
    test = make_images(random_state=1, n_images=5000)
    for name, start in ROWS.items():
        if not (models := load(f"{start}*")):
            continue
        gaps = [mutual_info_gap(m.transform(test.data), test.target) for m in models]
        best = models[int(np.argmax(gaps))]
        label = start.removesuffix("_seed_")
        responses = LatentResponseDisplay.from_estimator(
            best, test, latents=5, random_state=0
        )
        # to the left: a legend is at the right
        title = {"x": 0.02, "ha": "left"}
        responses.figure_.suptitle(f"{name}, MIG {max(gaps):.2f}", **title)
        responses.figure_.savefig(f"plot_papers_responses_{label}.png", dpi=120)
        traversal = LatentTraversalDisplay.from_estimator(
            best, test.data, seed_row=test.data[3], latents=5
        )
        traversal.figure_.savefig(f"plot_papers_traversal_{label}.png", dpi=120)


def draw_capacity():
    """Draw Burgess et al.'s figure 4: one model as its capacity grows."""
    page = Page("papers_capacity.txt")
    name = "burgess_capacity_25"
    stages = [joblib.load(FOLDER / f"{name}_epoch_{n}.joblib") for n in SNAPSHOTS[name]]
    stages += load(name)
    test = make_images(random_state=1, n_images=5000)
    page.line(f"{'':16}{'KL, nats':>9}{'error':>8}{'active':>8}{'MIG':>7}")
    for model in stages:
        describe_stage(page, f"C = {capacity_of(model):.1f}", model, test)
    for model in load("burgess_beta_4"):
        describe_stage(page, "beta = 4", model, test)
    figure, panels = plt.subplots(
        *(2, len(stages)),
        figsize=(3.4 * len(stages), 4.2),
        height_ratios=[1, 3],
        layout="compressed",
    )
    for (above, below), model in zip(panels.T, stages, strict=True):
        ReconstructionDisplay.from_estimator(model, test.data, n_samples=6, ax=above)
        above.set_title(f"C = {capacity_of(model):.0f} nats")
        LatentTraversalDisplay.from_estimator(
            model, test.data, seed_row=test.data[3], latents=6, ax=below
        )
    figure.savefig("plot_papers_capacity.png", dpi=120)


def capacity_of(model):
    return model.history_["capacity"][-1]


def describe_stage(page, label, model, test):
    nats, error = model._rate_and_distortion(test.data)
    gap = mutual_info_gap(model.transform(test.data), test.target)
    active = model.n_active_components_
    page.line(f"{label:16}{nats:9.1f}{error:8.1f}{active:8}{gap:7.2f}")


FIGURES = {
    "scores": print_scores,
    "classification": print_classification,
    "ranking": print_ranking,
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
