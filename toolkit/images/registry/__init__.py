"""Which images there are, in the engine and in registries: found, pushed, promoted, pruned."""
