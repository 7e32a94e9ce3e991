"""The statements that make a source, by what they are about."""
