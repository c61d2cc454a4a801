"""The local backend: both sides as processes of this machine."""
