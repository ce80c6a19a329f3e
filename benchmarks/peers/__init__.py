"""What others make of the same workloads: actor systems and remote objects, each where it can."""
