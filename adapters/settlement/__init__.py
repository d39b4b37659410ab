"""Files of a day's settlement: their layouts as settings, and how they are read, line by line."""
