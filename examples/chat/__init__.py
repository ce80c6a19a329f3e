"""A chat over any number of processes: names, groups and topics of the cluster.

Run it: `python -m examples.chat` shows three visitors, each a process of its own, and kills one.
In as many terminals as you like, in any order:

    python -m examples.chat alice --bind tcp://127.0.0.1:7711
    python -m examples.chat bob --seed tcp://127.0.0.1:7711

| file | what it shows |
|---|---|
| `visitor.py` | the actor: a name of its own, rooms that are groups, talk on topics |
| `terminal.py` | one visitor at a terminal: a node, and lines from stdin that become messages |
| `demo.py` | three of them as processes, what they say, and what each of them hears |
| `__main__.py` | the arguments and the exit codes |
"""
