"""From a profile to a Deployment: requests and limits of one pod, the recommended setting, the manifests."""
