"""How Sphinx builds the site: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import fastloss  # noqa: E402

project = "fastloss"
author = "the authors of fastloss"
copyright = author
version = release = fastloss.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "command",
    "pages",
]
exclude_patterns = ["_build", "tables", "README.md"]
default_role = "py:obj"
nitpicky = True
# of other projects, whose inventories would have to be fetched
nitpick_ignore_regex = [("py:.*", r"(functools|lightgbm|math|sklearn|torch|xgboost)(\..*)?")]
suppress_warnings = ["myst.header"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}

autodoc_typehints = "none"
autodoc_member_order = "bysource"
# what classes say for the generic machinery, which is on their pages in words
autodoc_default_options = {
    "exclude-members": "curvature, family, formula, growth, indices_only, inputs, labels, listed, name, no_gradient, "
    "no_hessian, numpy_gradient, numpy_value, of_residual, optional, reductions, row_forms, signature, by_numbers, "
    # what scikit-learn adds to estimators
    "set_fit_request, set_predict_request, set_predict_proba_request, set_score_request"
}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["fastloss.css"]
html_title = "fastloss"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    # formulas are wide: pages of losses have the room of the list of sections
    "secondary_sidebar_items": {"index": [], "losses/*": [], "[!li]*": ["page-toc"]},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "start": [], "choosing": [], "changes": []}
html_context = {"default_mode": "light"}
