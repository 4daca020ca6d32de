"""Reading raw files: folders, archives and photographs."""
