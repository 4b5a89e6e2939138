"""The web: one file a wing."""
