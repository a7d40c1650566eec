"""Printers: text, HTML, Markdown, JSON, CSV."""
