"""Reading users' files (CSV rows and YAML mappings) so that every error names the file, the line and the column or key."""
