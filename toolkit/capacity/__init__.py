"""From measured knees to pods, nodes and money. Each step is a folder: knee, deploy, nodes, placement, planning."""
