"""Audit: the verdict over flow logs and scans of any size, as one expression over tables."""
