"""The catalog: what is known about providers before anybody has called them."""

from analytics.catalog.catalog import Catalog, ImportResult
from analytics.catalog.entries import CATEGORIES, COLUMNS, CatalogEntry
from analytics.catalog.errors import BadDatabaseUrl, BadImport, CatalogError, Fault, StoreFailed

__all__ = [
    "CATEGORIES", "COLUMNS", "BadDatabaseUrl", "BadImport", "Catalog", "CatalogEntry", "CatalogError", "Fault",
    "ImportResult", "StoreFailed",
]  # fmt: skip
