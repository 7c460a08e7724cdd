"""Sphinx configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ssmkern
from ssmkern._arrays.capability import IN_TABLE

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "ssmkern"
author = "ssmkern developers"
copyright = author  # noqa: A001 (the name is Sphinx's)
version = release = ssmkern.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas are set by files of the site: no network is needed to read it
    "sphinx_gallery.gen_gallery",
    "numpydoc",
    "myst_parser",
]
exclude_patterns = ["_build", "gallery"]  # what is made of the gallery's scripts stands in examples/
templates_path = ["_templates"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"ssmkern {release}"

default_role = "py:obj"
autosummary_generate = True
numpydoc_show_class_members = False
mathjax3_config = {"chtml": {"matchFontHeight": False, "scale": 1.1}}  # as large in every font of the text
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "image_srcset": ["2x"],
    "min_reported_time": 3600,  # what an example took says more of the machine than of the example
    "write_computation_times": False,
}

CAPABILITIES_PAGE = Path(__file__).with_name("capabilities.md")


def capabilities_page() -> str:
    """Text of the page of capabilities: its introduction, and the table that is in the code."""
    header = ["name", *IN_TABLE, "GPU", "`jax.jit`", "`torch.compile`", "gradients", "notes"]
    rows = [header, ["---"] * len(header)]
    for name in ssmkern.__all__:
        can = getattr(ssmkern, name).capability
        role = "class" if name[0].isupper() else "func"
        marks = [*(library in can.libraries for library in IN_TABLE), can.gpu, "jax" in can.jit, "torch" in can.jit]
        shown = ["yes" if mark else "" for mark in marks]
        rows.append([f"{{py:{role}}}`~ssmkern.{name}`", *shown, ", ".join(can.grad), can.note])
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return CAPABILITIES_PAGE.read_text("utf-8").partition("| name |")[0] + table + "\n"


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", lambda _: CAPABILITIES_PAGE.write_text(capabilities_page(), "utf-8"))
