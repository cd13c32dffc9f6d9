"""Which pages are doctests: those that people write."""

collect_ignore = ["_build", "api", "auto_examples", "conf.py"]
