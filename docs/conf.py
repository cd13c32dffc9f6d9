"""How Sphinx builds the documentation; ``nox -s docs`` runs it."""

import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import sk_bvae

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from api_reference import API_REFERENCE, names_of, write_pages  # noqa: E402 - beside this
from kept_results import keep_thumbnails, show_results  # noqa: E402 - so is it

project = "sk-bvae"
author = "The sk-bvae developers"
project_copyright = author
release = sk_bvae.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # these lie beside this file too
    "printed",
    "source_tags",
]
exclude_patterns = ["_build", "conftest.py"]
templates_path = ["_templates"]
default_role = "literal"
smartquotes = False
toc_object_entries_show_parents = "hide"

# Every name has to lead somewhere. Nothing is fetched: of other projects' names, those
# that the pages speak of are kept, with where they are documented.

nitpicky = True
OTHERS = {
    "joblib": "https://joblib.readthedocs.io/en/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {
    name: (site, f"inventories/{name}.inv") for name, site in OTHERS.items()
}

# The pages of the API

write_pages(HERE / "api")
autosummary_generate = True
autodoc_typehints = "none"  # types stand among the parameters, in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # words that are no names
numpydoc_xref_aliases = {
    **{name: name for name in DEFAULT_LINKS},  # Python's own need no link
    "Axes": "matplotlib.axes.Axes",
    "Figure": "matplotlib.figure.Figure",
    "Module": "torch.nn.Module",
    "Optimizer": "torch.optim.Optimizer",
    "RandomState": "numpy.random.RandomState",
    "Tensor": "torch.Tensor",
    "ndarray": "numpy.ndarray",
    **{name: f"{page}.{name}" for page in API_REFERENCE for name in names_of(page)},
}


# What scikit-learn writes into every class whose fit takes more than X and y.
REQUESTS = ("set_fit_request", "set_partial_fit_request", "set_score_request")


def skip_members(app, what, name, member, skip, options):
    """Leave out requests, and fields of named tuples: they are among the parameters."""
    is_field = (member.__doc__ or "").startswith("Alias for field number")
    return skip or is_field or name in REQUESTS


# The gallery, which runs nothing and shows what is kept

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "copyfile_regex": r"index\.rst",  # the sections are written there
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sk_bvae",),
    "plot_gallery": False,
    "show_signature": False,
    "download_all_examples": False,
    # its page fetches scripts from elsewhere
    "write_computation_times": False,
}

# The pictures of the guide

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 100)]

# The look

html_theme = "pydata_sphinx_theme"
html_title = f"sk-bvae {release}"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_theme_options = {
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
    "logo": {"text": "sk-bvae"},
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
}
html_sidebars = {"changelog": [], "install": [], "start": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Hook into the reading of the pages and of the docstrings."""
    app.connect("autodoc-skip-member", skip_members)
    app.connect("source-read", show_results)
    app.connect("builder-inited", keep_thumbnails, priority=400)  # before the gallery
