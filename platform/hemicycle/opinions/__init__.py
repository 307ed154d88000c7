"""One opinion model per file, as pure maps over arrays."""
