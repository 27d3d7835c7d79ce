"""The forms of the pages, one file for each noun."""
