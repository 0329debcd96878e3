"""Asking Amazon for reports and landing what comes, within its limits."""
