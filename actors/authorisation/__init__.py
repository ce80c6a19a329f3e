"""What the actors of other nodes may do to the actors of this one: rules, and who keeps them."""

from __future__ import annotations

from actors.authorisation.policy import Policy
from actors.authorisation.rules import Action, Allow
from actors.authorisation.tables import rules_from_toml

__all__ = ["Action", "Allow", "Policy", "rules_from_toml"]
