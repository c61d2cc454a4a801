"""The main job: from what was asked to campaigns that have run, on whichever backend."""
