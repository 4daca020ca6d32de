"""What a command asks for, as data: tables, settings, cells and plans."""
