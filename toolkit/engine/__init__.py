"""The Docker engine: how it is reached (client), and containers that are always removed (containers)."""
