"""The house: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import sk_bvae

ROOT = Path(__file__).parents[1]
PACKAGE = Path(sk_bvae.__file__).parent


def test_floors():
    """The contracts stand in pyproject.toml: ``lint-imports`` says what breaks them."""
    program = (
        "from importlinter.cli import lint_imports; import sys\n"
        "sys.exit(lint_imports(no_cache=True, no_logo=True))\n"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def third_parties(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_only_utils_opens_private_doors():
    """By hand: to import-linter other packages are one module each."""
    private = [
        (path.name, name)
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "utils"
        for name in third_parties(path)
        if name.split(".")[0] in {"sklearn", "skorch", "torch"}
        and any(part.startswith("_") for part in name.split("."))
    ]
    assert private == []
