"""How far off the firmware's estimates are: recorded and simulated cells, sensors with errors."""
