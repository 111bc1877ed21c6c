"""The model that the reference program trains, and its adapters."""
