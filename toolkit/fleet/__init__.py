"""Which of many services to move to free-threaded Python first, and what that saves: `gilfree fleet`."""
