"""Putting pods on nodes: packing, the default scheduler's behaviour, the solver."""
