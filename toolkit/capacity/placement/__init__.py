"""The packing: which nodes are needed so that Kubernetes' default scheduler places all pods."""
