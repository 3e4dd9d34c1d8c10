"""What stands behind the doors of the pytest plugin."""
