"""Asking this machine's services what they speak."""
