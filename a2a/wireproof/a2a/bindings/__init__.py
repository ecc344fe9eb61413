"""The bindings: how the operations of an agent travel. Each knows its wire and the core's face, nothing else."""
