"""The cell: what stands behind a local ref, and survives the restarts of its actor."""

from actors.cell.base import Keeper
from actors.cell.cell import Cell

__all__ = ["Cell", "Keeper"]
