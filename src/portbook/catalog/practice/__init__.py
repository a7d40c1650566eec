"""What people use ports for, whatever the registry says; every line has a source and a day."""
