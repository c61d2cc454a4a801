"""Reading users' files: CSV and YAML fields, with the line in every error."""
