"""The thin shell of Ray around everything else; the only importer of ray."""
