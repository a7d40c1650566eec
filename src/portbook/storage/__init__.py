"""Bytes on disks: how files are written. Nothing here knows of ports."""
