"""The house: who may import whom, and how long the page of an objective may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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


def docstring_lines(tree):
    documented = ast.Module, ast.ClassDef, ast.FunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            yield from range(node.body[0].lineno, node.body[0].end_lineno + 1)


def count_code_lines(source):
    """Count the lines that are neither empty, nor a comment, nor of a docstring."""
    lines = dict(enumerate(map(str.strip, source.splitlines()), start=1))
    for number in docstring_lines(ast.parse(source)):
        del lines[number]
    return sum(bool(line) and not line.startswith("#") for line in lines.values())


def test_lines_are_counted_without_comments_and_docstrings():
    source = '"""A page."""\n\nX = 1  # one\n\ndef f():\n    """Do it."""\n    # so\n'
    assert count_code_lines(source + "    return X\n") == 3


@pytest.mark.parametrize("name", sk_bvae.__all__)
def test_a_model_is_one_page(name):
    module = sys.modules[getattr(sk_bvae, name).__module__]
    assert count_code_lines(Path(module.__file__).read_text()) <= 60
