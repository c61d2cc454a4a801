"""One block and its arms: the arguments of the two agents, baselines, and the contract of images."""
