"""Proof that the simulation would notice: what happens without one thing that it relies upon.

    python -m tests.simulation.mutants [--only NAME] [--seeds 1000]

takes away one thing after another, and runs seed after seed until an invariant speaks up. The idea
is that of mutation testing (DeMillo, Lipton, Sayward, "Hints on Test Data Selection", 1978).
"""

from tests.simulation.mutants.hunt import Catch, hunt
from tests.simulation.mutants.mutant import Mutant
from tests.simulation.mutants.patches import MUTANTS

__all__ = ["MUTANTS", "Catch", "Mutant", "hunt"]
