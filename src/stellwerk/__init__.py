"""Stellwerk: plan large-model training, find where it can run, and report on the infrastructure.

The rooms are ordinary libraries; import what you need::

    from stellwerk.catalog import load_catalog
    from stellwerk.workload import read_workload
    from stellwerk.broker import match
"""

__version__ = "0.1.0"
