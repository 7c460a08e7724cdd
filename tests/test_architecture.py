"""The layout of docs/architecture.md: imports point down, libraries stay on the ground floor, functions take little."""

import ast
import re
from pathlib import Path

import pytest

import ssmkern as sk

PACKAGE = Path(sk.__file__).parent
FLOORS = [
    {"_arrays"},
    {"hippo", "products", "systems"},
    {"initialization", "convolution", "discretization", "reduction"},
    {"kernels"},
    {"recurrence", "interop", "fitting"},
    {"__init__"},
    {"cli", "layers"},
    {"__main__"},
]
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """Folder of a file, or its own name at the top."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def floor(name):
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def imported(path):
    """Rooms of the package that a file imports from."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.module else [alias.name for alias in node.names]
            if node.level == depth:
                yield from (name.split(".")[0] for name in names)
            elif node.level == 0 and names[0].split(".")[0] == "ssmkern":
                yield names[0].split(".")[1] if "." in names[0] else "__init__"
        elif isinstance(node, ast.Import):
            yield from ("__init__" for alias in node.names if alias.name == "ssmkern")


def test_every_room_has_a_floor_and_the_page_shows_it():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    for name in {room(path) for path in FILES} - {"__main__"}:
        assert floor(name) >= 0
        assert f"`{name}" in page


def test_imports_point_down():
    up = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in FILES
        for name in imported(path)
        if name != room(path) and floor(name) >= floor(room(path))
    }
    assert not up


@pytest.mark.parametrize("library", ["torch", "jax", "cupy", "dpnp", "dask", "numba", "mlx", "ndonnx"])
def test_libraries_are_named_on_the_ground_floor_only(library):
    """In code, and in the layers that are named after one; docstrings may speak of them."""
    named = set()
    for path in FILES:
        if room(path) == "_arrays" or (room(path) == "layers" and not path.name.startswith("_")):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.body[0].value) for node in ast.walk(tree) if documented(node)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else None
            text = node.id if isinstance(node, ast.Name) else text
            if isinstance(node, ast.Import | ast.ImportFrom):
                text = " ".join([getattr(node, "module", None) or "", *(alias.name for alias in node.names)])
            if isinstance(text, str) and re.search(rf"\b{library}\b", text):
                named.add(f"{path.relative_to(PACKAGE)}: {text}")
    assert not named


def documented(node):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def test_functions_take_six_parameters_at_most():
    """Beside self; a public function has those that users want."""
    many = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name not in sk.__all__:
                arguments = node.args
                names = [x.arg for x in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
                if len([name for name in names if name not in ("self", "cls")]) > 6:
                    many.add(f"{path.relative_to(PACKAGE)}: {node.name}")
    assert not many
