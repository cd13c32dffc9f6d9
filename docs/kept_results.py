"""What an example's page shows: what it printed and drew at the sizes that it has.

``nox -s results`` runs the examples and keeps that in ``docs/results``; the gallery is
built of it, and runs nothing. Pictures stand where the script saves them, and the
printed text after the introduction.
"""

import re
import shutil
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

# What begins each block of a page behind its introduction, and what follows the last.
BEGINS = re.compile(r"^(?=\.\. (?:GENERATED FROM|_sphx_glr_download_))", re.MULTILINE)
SAVED = re.compile(r'savefig\(\s*f?"([^"]+)"')

PRINTED = """\
.. printed:: {name}

"""
PICTURE = """\
.. image:: /results/{name}.png
   :alt: {name}
   :class: sphx-glr-single-img

"""


def keep_thumbnails(app):
    """Put each example's picture where the gallery looks for the first of its own."""
    images = Path(app.srcdir, "auto_examples", "images")
    images.mkdir(parents=True, exist_ok=True)
    for picture in RESULTS.glob("plot_*.png"):
        shutil.copy(picture, images / f"sphx_glr_{picture.stem}_001.png")


def show_results(app, docname, source):
    """Complete an example's page as it is read."""
    _, is_example, name = docname.partition("auto_examples/plot_")
    if is_example:
        source[0] = with_results(source[0], name)


def with_results(page, name):
    """Add to a page what the example of this name printed and drew."""
    introduction, *blocks = BEGINS.split(page)
    blocks = [block + pictures_of(block) for block in blocks]
    return "".join([introduction, PRINTED.format(name=name), *blocks])


def pictures_of(block):
    """Find the pictures that a block of code saves, several in a loop among them."""
    patterns = [re.sub(r"{.*?}", "*", name) for name in SAVED.findall(block)]
    found = [path for each in patterns for path in sorted(RESULTS.glob(each))]
    return "".join(PICTURE.format(name=path.stem) for path in found)
