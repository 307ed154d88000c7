"""Tables from real formats and synthetic societies, pseudonymised on the way in."""
