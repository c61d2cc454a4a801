"""From records to conclusions: comparisons, claims, noise, gates, soak, early stopping. Pure; formats nothing."""
