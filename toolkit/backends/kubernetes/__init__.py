"""The `kubernetes` backend: a thin client, rendered Jobs, the state of pods, checks before a campaign, and the trial in its pod."""
