"""The highest rate at which a server meets its SLO: the search, the campaign of searches, the profile."""
