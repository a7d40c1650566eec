"""Pages of the site as HTML."""
