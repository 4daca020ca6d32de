"""What every room below the others shares: checks of arguments."""
