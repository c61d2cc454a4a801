"""Node types: from a catalogue file or from a cluster."""
