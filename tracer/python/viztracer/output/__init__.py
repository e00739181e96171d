"""What is written: reports, lines on the terminal, and values as text."""
