"""How far off capacity and resistance are: simulated cells alone, sensors with errors."""
