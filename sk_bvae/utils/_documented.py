"""Where an estimator's page is."""

from itertools import takewhile

DOCUMENTATION = "https://sk-bvae.readthedocs.io/en/stable"


class DocumentedMixin:
    """Let scikit-learn's HTML view of an estimator link to its page."""

    _doc_link_module = "sk_bvae"
    _doc_link_template = DOCUMENTATION + "/api/generated/{module}.{name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        parts = type(self).__module__.split(".")
        public = takewhile(lambda part: not part.startswith("_"), parts)
        # Models are public at the top.
        module = ".".join(public).removesuffix(".estimators")
        return {"module": module, "name": type(self).__name__}
