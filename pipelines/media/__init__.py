"""Media: matching links to files, checking what the files hold, and the pictures that samples show."""
