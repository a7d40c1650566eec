"""HTTP: cache, headers, negotiation, time limits."""
