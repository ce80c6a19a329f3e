"""The demo: count the words of a source tree on worker processes, kill one, and still be right.

Run it: `python -m examples.wordcount [PATH] [--nodes 3] [--kill/--no-kill]`.

What it shows, file by file:

| file | what it shows |
|---|---|
| `words.py` | what a word is, and where a text may be cut; no actors |
| `files.py` | finding text files and packing them into chunks; no actors |
| `actors.py` | the worker actor and its one message |
| `cluster.py` | worker nodes as processes of their own, started with the `actors-node` command |
| `job.py` | asking a router with bounded outstanding work, trying again, merging each answer once |
| `display.py`, `live.py` | progress and the table: plain lines, and with rich on a terminal |
| `demo.py` | all of it put together |
| `__main__.py` | the arguments and the exit codes |
"""
