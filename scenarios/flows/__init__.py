"""The flows that the shipped scenarios run, each in a fragile and a hardened build."""
