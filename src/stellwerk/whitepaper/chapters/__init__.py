"""The chapters of the report: each composes its figures and tables from the catalogue."""
