"""Images that become larger or smaller, or are sampled at other places."""
