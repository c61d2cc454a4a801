"""What a fresh machine lacks: found out by looking, named, and installed where that is allowed.

Standard library only: `bootstrap.py` runs before anything is installed.
"""
