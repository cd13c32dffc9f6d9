"""Where classes and functions stand in their files, for the links to their source.

Sphinx finds that itself, except where a decorator's argument unpacks a dict: there its
parser gives up, and leaves a dead link.
"""

import ast
import inspect
from importlib import import_module


def find_source(app, module):
    """Return a module's code and, by name, the kind, first and last line of a tag."""
    code = inspect.getsource(import_module(module))
    return code, dict(_list_tags(ast.parse(code)))


def _list_tags(tree, prefix=""):
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min([node, *node.decorator_list], key=lambda part: part.lineno)
            yield f"{prefix}{node.name}", ("def", first.lineno, node.end_lineno)
        if isinstance(node, ast.ClassDef):
            yield from _list_tags(node, f"{prefix}{node.name}.")


def setup(app):
    """Give Sphinx the tags."""
    app.connect("viewcode-find-source", find_source)
    return {"parallel_read_safe": True}
