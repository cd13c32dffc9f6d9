"""The one table of the public names, from which the API's pages are written."""

from importlib.util import find_spec

# Each module: what its page is called, and its names under the headings that they
# stand under there.
API_REFERENCE = {
    "sk_bvae": (
        "Estimators",
        {
            "": [
                "BetaVAE",
                "CapacityVAE",
                "BetaTCVAE",
                "DIPVAE",
                "FactorVAE",
                "DCIGN",
                "InfoGAN",
            ]
        },
    ),
    "sk_bvae.estimators": (
        "A model of your own",
        {"": ["BaseVAE", "BaseGroupedVAE", "group_by_factors", "with_parameters"]},
    ),
    "sk_bvae.callbacks": ("Callbacks", {"": ["Checkpoint", "SearchCheckpoint"]}),
    "sk_bvae.model_selection": ("Model selection", {"": ["ReplicaGridSearch"]}),
    "sk_bvae.metrics": (
        "Metrics",
        {
            "Against known factors": [
                "mutual_info_gap",
                "dci_score",
                "infomec_score",
                "sap_score",
                "modularity_score",
                "explicitness_score",
                "beta_vae_score",
                "factor_vae_score",
                "interventional_robustness_score",
            ],
            "Without factors": [
                "unsupervised_disentanglement_ranking",
                "gaussian_total_correlation",
                "gaussian_wasserstein_correlation",
                "active_components",
            ],
            "Reports and scorers": [
                "disentanglement_report",
                "make_disentanglement_scorer",
                "higgins_protocol",
                "mutual_info_matrix",
            ],
        },
    ),
    "sk_bvae.datasets": (
        "Data with known factors",
        {
            "Rendered": ["make_shapes2d", "make_blobs2d"],
            "Downloaded": ["fetch_dsprites", "fetch_shapes3d"],
            "Measured": ["factor_discontinuity"],
        },
    ),
    "sk_bvae.inspection": (
        "Displays",
        {
            "": [
                "LatentTraversalDisplay",
                "ReconstructionDisplay",
                "SampleDisplay",
                "TrainingDisplay",
                "ComponentsDisplay",
                "BiplotDisplay",
                "FactorMatrixDisplay",
                "LatentResponseDisplay",
                "RateDistortionDisplay",
            ],
        },
    ),
    "sk_bvae.nn": (
        "Torch modules",
        {
            "Likelihoods": [
                "Likelihood",
                "Gaussian",
                "Bernoulli",
                "Categorical",
                "Poisson",
                "Mixed",
            ],
            "Networks": [
                "mlp",
                "higgins_fc",
                "higgins_conv",
                "burgess_conv",
                "LatentLinear",
            ],
            "Networks of InfoGAN": ["gan_mlp", "higgins_gan", "lin_gan"],
            "The model and its terms": [
                "VAE",
                "Terms",
                "Batch",
                "Losses",
                "gaussian_kl",
                "gaussian_log_density",
                "reparameterize",
                "linear_ramp",
            ],
        },
    ),
}
API_REFERENCE = {
    module: page for module, page in API_REFERENCE.items() if find_spec(module)
}

INDEX = """\
API reference
=============

.. toctree::
   :maxdepth: 2

"""


def names_of(module):
    """List the names that stand on a module's page."""
    _, headings = API_REFERENCE[module]
    return [name for names in headings.values() for name in names]


def write_pages(folder):
    """Write a page for each module, and the index of the pages.

    Files that are up to date are left alone, so that Sphinx need not read them again.
    """
    folder.mkdir(exist_ok=True)
    pages = {f"{module}.rst": _page(module) for module in API_REFERENCE}
    pages["index.rst"] = INDEX + "".join(f"   {module}\n" for module in API_REFERENCE)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _page(module):
    title, headings = API_REFERENCE[module]
    title = f"{title}: {module}"
    parts = [f"{title}\n{'=' * len(title)}\n", f".. automodule:: {module}\n"]
    for heading, names in headings.items():
        if heading:
            parts.append(f"{heading}\n{'-' * len(heading)}\n")
        table = ".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n"
        parts.append(table + "".join(f"   {name}\n" for name in names))
    return "\n".join(parts)
