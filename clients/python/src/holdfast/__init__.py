"""Test environments that holdfast gives back clean.

A client of the JSON that ``holdfast env ... --json`` prints. Without dependencies; commands are lists of arguments and never
go through a shell.
"""

from .environment import Environment
from .errors import HoldfastError

__all__ = ["Environment", "HoldfastError"]
