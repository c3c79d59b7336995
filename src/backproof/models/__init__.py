"""Trained networks for tables: kept in one file each, used on new tables of any size."""

from backproof.models.table_model import TableModel, load_model

__all__ = ["TableModel", "load_model"]
