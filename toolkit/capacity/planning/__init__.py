"""Plans: traffic and profile to pods, nodes and money."""
