"""The knee, the highest rate at which a server meets its SLO: the search, its campaign, its verification, the profile."""
