"""Alerts: their events, channels and delivery."""
