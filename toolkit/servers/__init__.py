"""Servers: one file for each, from settings to a complete command line. Nothing else knows a server's options."""
