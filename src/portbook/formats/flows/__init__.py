"""Flow logs and scans, described for an engine: one file a format."""
