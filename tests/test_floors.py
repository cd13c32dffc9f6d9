"""No module imports from a floor above its own."""

import ast
from pathlib import Path

import pytest

import sk_bvae

ROOT = Path(sk_bvae.__file__).parent

# From the ground up; what stands on one line shares a floor.
FLOORS = [
    {"utils"},
    {"nn", "metrics", "datasets"},
    {"training"},
    {"estimators"},
    {"model_selection", "inspection"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def modules():
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room(path):
    """Name the top-level module or package that a file belongs to."""
    first, *rest = path.relative_to(ROOT).parts
    return first if rest else first.removesuffix(".py")


def rooms_imported(path):
    """Name the rooms of this package that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "sk_bvae" and len(parts) > 1 and parts[1] in FLOOR_OF:
                yield parts[1]


def third_parties(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_never_point_upwards(path):
    here = room(path)
    assert here in FLOOR_OF, f"give {here} a floor"
    for there in rooms_imported(path):
        same_room = here == there
        assert same_room or FLOOR_OF[there] < FLOOR_OF[here], f"{here} imports {there}"


@pytest.mark.parametrize(
    ("folder", "barred"),
    [
        ("nn", {"sklearn", "skorch"}),
        ("metrics", {"torch", "skorch"}),
        ("datasets", {"torch", "skorch"}),
    ],
)
def test_rooms_stay_ignorant(folder, barred):
    for path in (ROOT / folder).rglob("*.py"):
        roots = {name.split(".")[0] for name in third_parties(path)}
        assert not roots & barred, path


def test_only_utils_opens_private_doors():
    private = [
        (path.name, name)
        for path in modules()
        if room(path) != "utils"
        for name in third_parties(path)
        if name.split(".")[0] in {"sklearn", "skorch", "torch"}
        and any(part.startswith("_") for part in name.split("."))
    ]
    assert private == []
