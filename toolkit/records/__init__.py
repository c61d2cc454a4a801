"""From frames to figures: metrics, the checks that reject a trial, and the store in which records are kept."""
