"""Train the models of both papers at the papers' own size: hours on a CPU.

One model at a time, each with checkpoints on the way: killed at any moment, the same
command goes on from there and ends in the same bits. What is trained is kept in
``benchmarks/papers/models``, measured at once and not trained again; what is left is
printed.

Run ``nox -s slow``, or ``python benchmarks/papers/train.py higgins`` for the models
whose names begin so; ``--list`` only says what is left.
"""

import argparse

import joblib
from measure import record
from models import FOLDER, SNAPSHOTS, make_images, make_models
from snapshots import Snapshots


def path_of(name):
    return FOLDER / f"{name}.joblib"


def epochs_done(name):
    path = path_of(name)
    return joblib.load(path).n_iter_ if path.exists() else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[""])
    parser.add_argument("--list", action="store_true", help="say what is left")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    left = {
        name: model
        for name, model in make_models().items()
        if name.startswith(tuple(options.names)) and epochs_done(name) < model.max_iter
    }
    for name, model in left.items():
        print(f"{name:28}{epochs_done(name):4} of {model.max_iter} epochs", flush=True)
    if options.list or not left:
        return
    images = make_images()
    for number, (name, model) in enumerate(left.items(), start=1):
        print(f"\n{name}, {number} of {len(left)} that are left", flush=True)
        checkpoint = Snapshots(path_of(name), SNAPSHOTS.get(name, ()))
        model.set_params(verbose=1).set_callbacks(checkpoint)
        model.fit(images.data, images.target)  # which DCIGN alone looks at
        line = record(name, model)
        print("\n".join(f"{key:20}{value}" for key, value in line.items()), flush=True)


if __name__ == "__main__":
    main()
