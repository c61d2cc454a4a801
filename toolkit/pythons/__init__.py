"""Where a pair of interpreters comes from: the lock says which, a source has it, a build or a download makes it."""
