"""Rules of nftables and iptables, read and followed."""
