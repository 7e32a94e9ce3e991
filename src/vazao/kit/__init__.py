"""The kit: PostgreSQL, HTTP, blobs, cache, mail and clock. It knows no feature."""
