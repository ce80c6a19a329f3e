"""Programs of the Savina suite, each of which must give its right answer.

S. M. Imam and V. Sarkar, "Savina - An Actor Benchmark Suite", AGERE 2014. The programs are written
anew from what the paper says of them, on the public API alone; `python -m benchmarks.savina`.
"""
