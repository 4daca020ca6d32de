"""Raw files: folders and archives, bounded reading, and strict decoding of photographs."""
