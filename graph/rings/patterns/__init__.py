"""What stands out in columns, whatever it is called, and how seldom chance brings it."""
