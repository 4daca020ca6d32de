"""Tables of results: formats, the columns of other tools, the manifest."""
