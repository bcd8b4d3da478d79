"""What the experiments service does: by request (`planning`, `reading`) and as work comes back (`progress`)."""
