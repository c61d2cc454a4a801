"""The Docker engine: how it is reached (client), and containers that are never left behind (containers)."""
