"""Partners' feeds: fetched with care, read as a stream, checked record by record."""
