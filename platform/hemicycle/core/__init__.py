"""Configuration, seeds, storage, disclosure and errors: what every other package stands on."""
