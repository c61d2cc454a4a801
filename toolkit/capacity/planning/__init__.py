"""The capacity plan: from traffic and a measured profile to pods, nodes and cost."""
