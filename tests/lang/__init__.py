"""What models mean, and what the language refuses."""
