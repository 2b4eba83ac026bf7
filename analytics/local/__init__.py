"""What ``trustscore up`` starts on one machine."""
