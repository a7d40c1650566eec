"""The JSON of public objects: a table of fields gives encoder, decoder, JSON Schema and docs."""
