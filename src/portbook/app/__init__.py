"""Use cases: a typed request in, a typed report out."""
