"""Load generators: the command line and the parser of each, and where the pinned builds of them come from."""
