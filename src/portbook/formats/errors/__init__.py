"""What people paste as a question: ports, addresses, error messages."""
