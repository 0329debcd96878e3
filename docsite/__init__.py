"""Pages written from the specs and the models, joined to one site."""
