"""The HTML view of an estimator links to its page."""

from importlib.metadata import metadata

import pytest
from sklearn.utils import estimator_html_repr

import sk_bvae
from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.utils._documented import DOCUMENTATION

PAGES = f"{DOCUMENTATION}/api/generated"


@pytest.mark.parametrize("name", sk_bvae.__all__)
def test_every_model_links_to_its_page(name):
    html = estimator_html_repr(getattr(sk_bvae, name)())
    assert f'href="{PAGES}/sk_bvae.{name}.html"' in html


def test_a_search_links_to_its_page():
    search = ReplicaGridSearch(BetaVAE(), {"beta": [1, 4]})
    page = f"{PAGES}/sk_bvae.model_selection.ReplicaGridSearch.html"
    assert search._get_doc_link() == page


def test_a_model_of_a_readers_own_has_no_page_here():
    class Own(BetaVAE):
        pass

    assert Own()._get_doc_link() == ""


def test_the_package_index_links_to_the_same_site():
    urls = metadata("sk-bvae").get_all("Project-URL")
    assert f"Documentation, {DOCUMENTATION}/" in urls
