"""What IANA says about ports and service names (RFC 6335)."""
