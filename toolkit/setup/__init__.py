"""What a fresh machine lacks for gilfree: found, named, and installed where the user has the rights.

Standard library only: `bootstrap.py` runs before anything is installed.
"""
