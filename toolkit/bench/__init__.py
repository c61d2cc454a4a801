"""The main job: from the user's request to campaigns that have run, on any backend."""
