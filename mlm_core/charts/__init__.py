"""Altair figures, one a file: each takes tables, named in its docstring."""
