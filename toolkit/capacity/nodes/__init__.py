"""Node types: what they have free for pods and what they cost, from a catalogue file or from a cluster."""
