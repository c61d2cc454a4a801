"""This machine: which CPUs it has, how memory is limited, the measuring lock, and the facts that a record holds."""
