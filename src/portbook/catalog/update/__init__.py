"""The registry's versions: download, validate, install."""
