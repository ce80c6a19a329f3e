"""The command `actors-node`: one node, or several under a parent, in processes of their own."""
