"""Users for other systems: lists, one user, the feed of changes, digests, export and import."""
