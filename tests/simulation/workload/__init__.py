"""What the framework promises its users, put to the test under faults: one seed, one run.

play.py         the course of a run, whatever the actors in it do
trials.py       one fault at a time, of which it is known what must come of it
observer.py     what actors see of what should never be
post.py         actors that tell, ask and watch, and supervisors
singletons.py   one instance in the cluster
deliveries.py   reliable delivery, with and without a journal; disk.py keeps the journal
"""

from tests.simulation.workload.play import Play, check, play

__all__ = ["Play", "check", "play"]
