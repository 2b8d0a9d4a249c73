"""Settings of a deployment, read from variables and mounted files."""
