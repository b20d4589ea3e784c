"""What the records say, as columns: flows, ties, ownership, lives, financings, and shuffles of them."""
