"""Pictures of the port space, drawn from the registry's states in the colours of the palette."""
