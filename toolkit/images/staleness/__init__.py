"""Whether images are current, why not, and making them so."""
