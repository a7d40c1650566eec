"""This machine as pages: who may see it, live events."""
