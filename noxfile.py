"""Every command that the project has: ``nox -s NAME``, listed by ``nox -l``."""

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True

# The networks here are too small to gain from threads, and on a busy machine threads
# that wait for each other can make a step twenty times slower.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session, *groups, package=True):
    """Install the package and dependency groups, all at the pinned versions."""
    wanted = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("-c", "constraints.txt", *wanted, *(["-e."] if package else []))


@nox.session
def tests(session):
    """Run the fast tests and the doctests; ``-- --cov`` measures the coverage as well.

    They pass with any number of threads: ``OMP_NUM_THREADS=2 nox -s tests`` tries two.
    """
    install(session, "test")
    threads = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait leave the cores to others
    }
    processes = ("--numprocesses", "logical", "--maxprocesses", "4")
    # A test that hangs is a fault to be named, and some wait for other processes.
    fast = ("-m", "not slow and not example", "--timeout", "400")
    session.run("pytest", *fast, *processes, *session.posargs, env=threads)


@nox.session
def slow(session):
    """Run the tests that take minutes, then the papers at their own size: hours."""
    install(session, "test")
    session.run("pytest", "-m", "slow", *session.posargs)
    papers = Path("benchmarks/papers").resolve()
    session.run("python", str(papers / "train.py"))
    with session.chdir("docs/results"):
        session.run("python", str(papers / "figures.py"))


@nox.session
def mutation(session):
    """Plant faults, and print how many the tests see: hours. ``mutmut browse`` shows
    those that live; ``-- "sk_bvae.nn.*"`` tries only some.
    """
    install(session, "test", "mutation")
    session.run("mutmut", "run", *session.posargs, env=ONE_THREAD)
    session.run("mutmut", "results")


@nox.session
def lint(session):
    """Check style, formatting, types and docstrings."""
    install(session, "lint", package=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("numpydoc", "lint", *map(str, sorted(Path("sk_bvae").rglob("*.py"))))


@nox.session
def demo(session):
    """Run the demo: a table on the screen, a picture in ``plot_digits.png``."""
    install(session)
    session.run(
        "python", "examples/plot_digits.py", env={"MPLBACKEND": "agg", **ONE_THREAD}
    )


@nox.session
def examples(session):
    """Run all examples with small values, as a check of their code: a minute or two."""
    install(session, "example")
    session.run(
        *("pytest", "tests/test_examples.py", "--numprocesses", "2", *session.posargs),
        env={"MPLBACKEND": "agg", **ONE_THREAD},
    )


@nox.session
def results(session):
    """Run the examples at their default size and keep what they print, for the docs.

    ``-- higgins_scores`` runs only that one.
    """
    install(session, "example")
    kept = Path("docs/results").resolve()
    for example in sorted(Path("examples").resolve().glob("plot_*.py")):
        name = example.stem.removeprefix("plot_")
        if name not in (session.posargs or [name]):
            continue
        with session.chdir(kept), open(f"{name}.txt", "w") as log:
            session.run(
                *("python", str(example)),
                env={"MPLBACKEND": "agg", **ONE_THREAD},
                stdout=log,
                stderr=sys.stderr,
            )


@nox.session
def docs(session):
    """Build the documentation; the gallery shows what ``results`` has kept."""
    install(session, "doc")
    site = "docs/_build/html"
    session.run(
        *("sphinx-build", "--fail-on-warning", "--keep-going", "docs", site),
        env={"MPLBACKEND": "agg", **ONE_THREAD},
    )
    session.run("python", "docs/check_links.py", site)


@nox.session
def package(session):
    """Build what is published, in ``dist``, and run README's first example on it."""
    install(session, "package", package=False)
    for old in Path("dist").glob("sk_bvae-*"):
        old.unlink()
    session.run("python", "-m", "build")
    built = sorted(str(path.resolve()) for path in Path("dist").glob("sk_bvae-*"))
    session.run("twine", "check", "--strict", *built)
    (wheel,) = (name for name in built if name.endswith(".whl"))
    session.install("-c", "constraints.txt", "--force-reinstall", "--no-deps", wheel)
    session.install("-c", "constraints.txt", wheel)
    first = (
        Path("README.md").read_text().partition("```python\n")[2].partition("```")[0]
    )
    with session.chdir(session.create_tmp()):  # away from the sources
        session.run("python", "-c", first)


@nox.session
def benchmarks(session):
    """Time fits and searches against bare torch, pythae and scikit-learn."""
    install(session, "benchmark")
    session.run("python", "benchmarks/bench_metrics.py")
    session.run("python", "benchmarks/bench_grid.py")
    session.run("python", "benchmarks/bench_search.py")
    session.run("python", "benchmarks/bench_memory.py")
    session.run("python", "benchmarks/bench_precision.py")
    session.run("python", "benchmarks/bench_quality.py")
    session.run("python", "benchmarks/bench_fit.py", *session.posargs)


@nox.session
def gpu(session):
    """Try every path of a GPU, and time the papers' models on it."""
    install(session)
    session.run("python", "benchmarks/bench_gpu.py", *session.posargs)


@nox.session
def tables(session):
    """Judge starts and lengths of training by held-out rows of real tables."""
    install(session, "tables")
    session.run("python", "benchmarks/bench_tables.py", *session.posargs)
