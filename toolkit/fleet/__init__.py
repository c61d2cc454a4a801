"""Which of many services should move first, and what it would save: `gilfree fleet`."""
