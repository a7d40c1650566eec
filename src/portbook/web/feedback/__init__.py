"""What readers say of a page, and where votes are kept."""
