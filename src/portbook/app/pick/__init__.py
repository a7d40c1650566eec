"""A good port for a purpose."""
