"""An answer in the forms that people and programs read; the one place that escapes."""
