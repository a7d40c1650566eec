"""IANA's registry: exact lookups, search, history."""
