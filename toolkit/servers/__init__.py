"""Servers: one file each, from settings to a complete command line. Nothing else knows a server's name."""
