"""The docker backend: both sides in containers of one engine."""
