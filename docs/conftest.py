"""Which pages are doctests: those that people write."""

from importlib.util import find_spec

collect_ignore = ["_build", "api", "auto_examples", "conf.py"]

# It needs an extra, and what runs its files.
if not all(map(find_spec, ("onnxruntime", "onnxscript", "skl2onnx"))):
    collect_ignore.append("guide/deployment.rst")
