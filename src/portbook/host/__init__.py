"""What this machine does: sockets, processes, rules."""
