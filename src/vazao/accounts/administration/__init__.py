"""An admin's work: users, tokens, organizations, and the trail of who changed what."""
