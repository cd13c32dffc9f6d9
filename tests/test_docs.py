"""What the documentation is made with: the table of the API, the check of the links."""

import importlib
import importlib.util
import pkgutil
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from docutils import nodes

import sk_bvae
from sk_bvae.estimators import BaseVAE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = sorted(
    path.stem.removeprefix("plot_") for path in (ROOT / "examples").glob("plot_*.py")
)


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


api_reference = load("api_reference")
check_links = load("check_links")
kept_results = load("kept_results")
printed = load("printed")
source_tags = load("source_tags")


def public_modules():
    submodules = [
        f"sk_bvae.{module.name}" for module in pkgutil.iter_modules(sk_bvae.__path__)
    ]
    names = ["sk_bvae", *(name for name in submodules if "._" not in name)]
    return [name for name in names if hasattr(importlib.import_module(name), "__all__")]


def test_the_table_lists_exactly_the_public_modules():
    assert sorted(api_reference.API_REFERENCE) == sorted(public_modules())


@pytest.mark.parametrize("module", public_modules())
def test_the_table_lists_exactly_the_public_names(module):
    public = importlib.import_module(module).__all__
    assert sorted(api_reference.names_of(module)) == sorted(public)


def test_every_module_has_a_page_with_its_names(tmp_path):
    api_reference.write_pages(tmp_path)
    index = (tmp_path / "index.rst").read_text().split()
    for module in public_modules():
        assert module in index
        page = (tmp_path / f"{module}.rst").read_text().split()
        assert set(api_reference.names_of(module)) < set(page)


def test_a_page_that_is_up_to_date_is_left_alone(tmp_path):
    api_reference.write_pages(tmp_path)
    page = tmp_path / "sk_bvae.nn.rst"
    before = page.stat().st_mtime_ns
    api_reference.write_pages(tmp_path)
    assert page.stat().st_mtime_ns == before


def test_the_guide_lists_hooks_that_exist():
    page = (DOCS / "guide" / "own_objective.rst").read_text()
    table = page.partition("\nname ")[2].partition("\n\n")[0]
    hooks = re.findall(r"^``(\w+)(?:\(\))?``", table, flags=re.MULTILINE)
    assert len(hooks) > 8
    assert [name for name in hooks if not hasattr(BaseVAE, name)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_prints_is_in_the_docs(name):
    page = (DOCS / "guide" / "results.rst").read_text()
    assert f".. printed:: {name}\n" in page
    assert f"/auto_examples/plot_{name}" in page
    assert (DOCS / "results" / f"{name}.txt").read_text().strip()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_of_an_example_shows_all_that_is_kept_of_it(name):
    script = (ROOT / "examples" / f"plot_{name}.py").read_text()
    shown = re.findall(r"image:: /results/(\S+)", kept_results.pictures_of(script))
    kept = [path.name for path in (DOCS / "results").glob(f"plot_{name}*.png")]
    assert sorted(shown) == sorted(kept)
    assert f"plot_{name}.png" in kept  # the thumbnail


EXAMPLES_PAGE = """\
introduction
.. GENERATED FROM PYTHON SOURCE LINES 1-2
a section
.. GENERATED FROM PYTHON SOURCE LINES 3-4
    display.figure_.savefig(
        f"plot_higgins_responses_beta_{beta:g}.png", dpi=120)
.. _sphx_glr_download_auto_examples_plot_digits.py:
downloads
"""


def test_what_is_printed_follows_the_introduction_and_a_picture_its_code():
    page = kept_results.with_results(EXAMPLES_PAGE, "digits")
    order = [
        "introduction",
        ".. printed:: digits",
        "a section",
        "savefig",
        "image:: /results/plot_higgins_responses_beta_1.png",
        "image:: /results/plot_higgins_responses_beta_4.png",
        "sphx_glr_download",
    ]
    assert sorted(order, key=page.index) == order


def test_a_thumbnail_lies_where_the_gallery_looks_for_the_first_picture(tmp_path):
    kept_results.keep_thumbnails(Namespace(srcdir=tmp_path))
    images = tmp_path / "auto_examples" / "images"
    assert (images / "sphx_glr_plot_digits_001.png").is_file()


def cells_of(table):
    """List the rows of a table, each a list of text."""
    return [[cell.astext() for cell in row] for row in table.findall(nodes.row)]


PRINTED = """\
two models
(published)       MIG        DCI D    FactorVAE
PCA              0.02    (-)  0.16    (-)  0.51    (-)
beta-VAE         0.09 (0.21)  0.22 (0.41)  0.57 (0.63)

  first   0.5 +-0.1  inside
  second        12   outside

The picture is in plot_models.png
"""


def test_what_is_printed_in_columns_becomes_tables():
    line, scores, slopes = printed.to_nodes(PRINTED)
    assert line.astext() == "two models"
    assert cells_of(scores) == [
        ["(published)", "MIG", "DCI D", "FactorVAE"],
        ["PCA", "0.02 (-)", "0.16 (-)", "0.51 (-)"],
        ["beta-VAE", "0.09 (0.21)", "0.22 (0.41)", "0.57 (0.63)"],
    ]
    assert cells_of(slopes) == [
        ["first", "0.5\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.1", "inside"],
        ["second", "12", "outside"],
    ]
    heads = [len(list(table.findall(nodes.thead))) for table in (scores, slopes)]
    assert heads == [1, 0]


RESULTS = sorted((DOCS / "results").glob("*.txt"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_tables_hold_what_was_printed(path):
    text = path.read_text().partition("\nThe picture")[0]
    shown = " ".join(node.astext() for node in printed.to_nodes(path.read_text()))
    words = re.compile(r"-?[\w.]+")
    printed_words = words.findall(text.replace("+-", "± "))
    assert sorted(words.findall(shown)) == sorted(printed_words)


@pytest.mark.parametrize(
    ("module", "name", "first", "last"),
    [
        # Sphinx's own parser stumbles over this one
        ("sk_bvae.metrics._sap", "sap_score", "@validate_params(", "return"),
        ("sk_bvae.nn._vae", "VAE.draw", "def draw(", "return"),
    ],
)
def test_the_source_of_a_name_is_found(module, name, first, last):
    code, tags = source_tags.find_source(None, module)
    _, start, end = tags[name]
    lines = code.splitlines()[start - 1 : end]
    assert lines[0].strip().startswith(first)
    assert lines[-1].strip().startswith(last)


INVENTORIES = sorted((DOCS / "inventories").glob("*.inv"))


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.stem)
def test_the_names_of_other_projects_exist(path):
    names = [line.split()[0] for line in path.read_text().splitlines()[3:]]
    assert names == sorted(set(names))
    for name in names:
        assert name.startswith(path.stem)
        pkgutil.resolve_name(name)


@pytest.fixture
def site(tmp_path):
    """Two pages without a fault."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "index.html").write_text('<h1 id="part">There</h1>')
    (tmp_path / "index.html").write_text(
        '<a href="there/">there</a> <a href="there/index.html#part">part</a>'
        '<a href="https://example.org/gone">elsewhere</a> <a href="#">top</a>'
    )
    return tmp_path


def test_a_sound_site_has_no_faults(site):
    assert check_links.find_faults(site) == []


@pytest.mark.parametrize("html", ["", '<a href="gone.html">x</a>'])
def test_the_check_fails_where_there_is_a_fault(site, html):
    (site / "page.html").write_text(html)
    command = [sys.executable, DOCS / "check_links.py", site]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == bool(html)
    assert ("gone.html" in run.stderr) == bool(html)


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "dead link gone.html"),
        ('<a href="there/index.html#gone">x</a>', "dead link there/index.html#gone"),
        ('<a href="#gone">x</a>', "dead link #gone"),
        ('<img src="gone.png">', "dead link gone.png"),
        ('<script src="https://cdn.org/x.js">', "loads https://cdn.org/x.js"),
        ('<link rel="stylesheet" href="//cdn.org/x.css">', "loads //cdn.org/x.css"),
    ],
)
def test_faults_are_found(site, html, fault):
    (site / "page.html").write_text(html)
    assert check_links.find_faults(site) == [f"page.html: {fault}"]
