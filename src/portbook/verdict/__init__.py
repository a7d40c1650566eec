"""Does what listens belong there? One table of rules, and the judge that applies it."""
