"""The parts of the page for a reader's own data: what it asks, draws and says."""
