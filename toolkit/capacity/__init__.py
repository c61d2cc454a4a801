"""From measured knees to pods, nodes and cost. Each step is a folder: knee, deploy, nodes, placement, planning."""
