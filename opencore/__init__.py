"""OpenCore's wiring: what all apps share stands below."""

from opencore.celery import app as celery_app

__all__ = ("celery_app",)
