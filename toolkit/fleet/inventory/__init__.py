"""The services of a fleet: from `kubectl get … -o json`, manifests, a live cluster, or a CSV file."""
