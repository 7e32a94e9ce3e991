"""The HTTP frame: the application, who may ask, pages, static files, lists, probes."""
