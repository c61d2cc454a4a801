"""`gilfree doctor`: what this machine has and lacks for measuring, and what of a user's dependencies is not ready.

It looks and makes nothing: no build, no download of an interpreter, no installation that stays.
"""
