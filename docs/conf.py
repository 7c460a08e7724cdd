"""Sphinx configuration."""

import ssmkern

project = "ssmkern"
author = "ssmkern developers"
copyright = author  # noqa: A001 (the name is Sphinx's)
version = release = ssmkern.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "furo"
html_static_path = ["_static"]
html_title = f"ssmkern {release}"

default_role = "py:obj"
autosummary_generate = True
numpydoc_show_class_members = False
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
