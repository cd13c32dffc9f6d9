"""Every example runs to its end, with smaller values of the constants at its top.

What it prints then means nothing. ``nox -s examples`` runs this.
"""

import ast
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]

FEW_POINTS = {
    "factors": [1, 2, 3, 4],
    "n_pairs": 4,
    "n_train": 40,
    "n_test": 40,
    "max_iter": 30,
}
# Of fewer no two may differ in shape alone.
ENOUGH_FOR_DC_IGN = 3000
SHORT = {
    "plot_baselines": {"SEEDS": [0], "N_IMAGES": 500, "PROTOCOL": FEW_POINTS},
    "plot_blob": {"N_EPOCHS": 3, "N_REPLICAS": 2},
    "plot_burgess_blobs": {"N_SEEDS": 2, "N_EPOCHS": 3},
    "plot_burgess_factors": {"N_IMAGES": 500, "N_EPOCHS": 3},
    "plot_burgess_traversals": {"N_IMAGES": 400, "N_EPOCHS": 2},
    "plot_choose_beta": {
        "N_REPLICAS": 2,
        "N_IMAGES": 300,
        "N_LABELLED": 300,
        "N_EPOCHS": 2,
    },
    "plot_digits": {},
    "plot_few_labels": {"N_IMAGES": 600, "N_REPLICAS": 2, "N_DRAWS": 2, "N_EPOCHS": 2},
    "plot_gaps": {"N_EPOCHS": 10},
    "plot_higgins_classification": {
        "N_IMAGES": ENOUGH_FOR_DC_IGN,
        "N_LABELLED": 400,
        "N_EPOCHS": 1,
        "N_SEEDS": 2,
    },
    "plot_higgins_continuity": {"N_IMAGES": 400, "N_POINTS": 40, "N_EPOCHS": 1},
    "plot_higgins_latent_size": {"N_IMAGES": 300, "N_POINTS": 30, "N_EPOCHS": 2},
    "plot_higgins_responses": {"N_IMAGES": 400, "N_EPOCHS": 2, "N_SEEDS": 2},
    "plot_higgins_scores": {
        "N_IMAGES": ENOUGH_FOR_DC_IGN,
        "N_FITTED": 400,
        "N_SCORED": 200,
        "N_DCI": 100,
        "COARSER": [2, 3, 20, 16, 16],
        "SEEDS": [0],
        "N_CLASSIFIERS": 1,
        "N_EPOCHS": 1,
        "PROTOCOL": FEW_POINTS,
    },
    "plot_higgins_slope": {"N_IMAGES": 300, "N_EPOCHS": 2},
    "plot_penguins": {"N_FOLDS": 2, "N_EPOCHS": 2},
    "plot_table": {"SEEDS": [0], "N_FOLDS": 2, "N_EPOCHS": 2},
}


def shortened(script, values):
    """Compile a script with other values of some of its constants."""
    tree = ast.parse(script.read_text())
    constants = {
        ast.unparse(statement.targets[0]): statement
        for statement in tree.body
        if isinstance(statement, ast.Assign)
    }
    for name, value in values.items():
        constants[name].value = ast.parse(repr(value), mode="eval").body
    return compile(tree, script, "exec")


@pytest.mark.example
@pytest.mark.filterwarnings("default")  # that so little training has not converged
@pytest.mark.parametrize("name", SHORT)
def test_an_example_runs_and_draws_what_is_kept(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = ROOT / "examples" / f"{name}.py"
    exec(shortened(script, SHORT[name]), {"__name__": "__main__"})
    plt.close("all")
    drawn = {path.name for path in tmp_path.iterdir()}
    kept = {path.name for path in (ROOT / "docs" / "results").glob(f"{name}*.png")}
    assert drawn == kept


def test_every_example_has_its_short_values():
    assert list(SHORT) == sorted(
        path.stem for path in (ROOT / "examples").glob("plot_*.py")
    )


def test_a_constant_gets_another_value(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("N = 5\nM = N + 1\n")
    names = {}
    exec(shortened(script, {"N": 2}), names)
    assert (names["N"], names["M"]) == (2, 3)


def test_a_constant_that_is_gone_is_missed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("N = 5\n")
    with pytest.raises(KeyError, match="N_EPOCHS"):
        shortened(script, {"N_EPOCHS": 2})
