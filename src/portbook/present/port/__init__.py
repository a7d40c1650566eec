"""The page of a port, section by section."""
