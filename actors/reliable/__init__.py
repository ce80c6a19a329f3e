"""Reliable delivery: at least once and in order, until it is handled.

After "Point-to-point reliable delivery" of Akka Typed; `docs/reliability.md` says what is promised.
"""
