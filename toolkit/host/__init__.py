"""This machine: which CPUs it has, how memory is limited, who may measure, and the facts that a record names."""
