"""One block and its arms: what the agents beside server and load are given, and what images promise."""
