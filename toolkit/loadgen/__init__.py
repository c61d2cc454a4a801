"""Load generators: the command line and the parser of each, and where their pinned binaries come from."""
