"""Finding, choosing and cutting out faces."""
