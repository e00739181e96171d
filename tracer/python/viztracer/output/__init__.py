"""What is written: reports, and lines on the terminal."""
