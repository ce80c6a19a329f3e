"""All rows of the table."""

from __future__ import annotations

from tests.hostile import api, command, config, wire
from tests.hostile.table import Row

ROWS: list[Row] = [*wire.TABLE.rows, *api.TABLE.rows, *command.TABLE.rows, *config.TABLE.rows]
