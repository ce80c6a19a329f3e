"""Orders that survive `kill -9` of who sends and of who takes them: `python -m examples.orders`."""
