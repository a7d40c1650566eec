"""Linux: sockets over netlink, owners and rules from /proc."""
