"""Training programs of people's own: started, stopped, resumed and measured as the reference program is."""
