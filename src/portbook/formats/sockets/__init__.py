"""What ss, netstat, lsof, nmap and others print, read into sockets: one file a format."""
