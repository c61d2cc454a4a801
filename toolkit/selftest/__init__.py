"""What gilfree itself costs and is worth: overhead, simulated campaigns, sizes."""
