"""Stopping what listens: plan, recheck, act, verify."""
