"""Explaining pasted output on the site."""
