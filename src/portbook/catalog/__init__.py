"""What is on record about a port: the registry, practice, and what users expect."""
