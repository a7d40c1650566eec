"""Files that pages load, static or drawn from the registry."""
