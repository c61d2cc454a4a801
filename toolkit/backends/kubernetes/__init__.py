"""What is Kubernetes' own: settings, rendered Jobs, the state of pods, and a thin client. Trials are the backend's."""
