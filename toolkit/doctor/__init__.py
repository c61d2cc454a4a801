"""`gilfree doctor`: what this machine lacks for measuring, and which of a user's dependencies are not ready.

It changes nothing: no build, no download of an interpreter, no installation that stays.
"""
