"""Scenarios: YAML read into strict data, with file and line in every error."""
