"""The gateway's ports for event loops: nothing here ever blocks."""
