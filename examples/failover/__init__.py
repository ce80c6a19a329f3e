"""Supervised jobs that move between three nodes while you kill them: `python -m examples.failover`.

Press 1, 2 or 3 to kill a node (`kill -9`), and see its job start on another one; a dead node is
started again after a while. Without a terminal, or with `--auto`, they are killed by themselves.

| file | what it shows |
|---|---|
| `film.py` | the actors: a supervisor that hands out frames, and renderers placed by role |
| `nodes.py` | the three nodes, each a process that can be killed and comes back |
| `picture.py` | who runs what, drawn live |
| `__main__.py` | the arguments, the keys and the exit codes |
"""
