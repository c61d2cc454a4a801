"""From a profile to a Deployment: what one pod asks for, and the manifests."""
