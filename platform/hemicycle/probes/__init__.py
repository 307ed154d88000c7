"""What a representation knows, with the controls that make a score honest."""
