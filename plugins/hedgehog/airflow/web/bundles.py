"""The code of our pages, built from `ui/` and kept in `static/`, and what Airflow must know to show them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

STATIC = Path(__file__).parent / "static"
PREFIX = "/hedgehog/static"
MEDIA_TYPES = {
    "pages.js": "text/javascript",
    "card.js": "text/javascript",
    "LICENCES.txt": "text/plain",
}
"""All that is served. They contain no secret: everybody who reaches the API server may read them."""
_FOR_GOOD = "public, max-age=31536000, immutable"


def _versioned(name: str) -> str:
    """The address of a file, relative to Airflow's base; it changes with the content, so browsers may keep it for good."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{PREFIX.lstrip('/')}/{name}?v={digest}"


def react_apps() -> list[dict[str, Any]]:
    """Our entries in Airflow's UI; by its `name`, Airflow finds the component that a bundle leaves in `globalThis`.

    No icon of our own: Airflow shows it as an image without a text, and in the same colours when the entry is chosen.
    """
    pages = {
        "name": "Hedgehog",
        "bundle_url": _versioned("pages.js"),
        "destination": "nav",
        "url_route": "hedgehog",
    }
    card = {
        "name": "Hedgehog fleet",
        "bundle_url": _versioned("card.js"),
        "destination": "dashboard",
        "url_route": "hedgehog-fleet",
    }
    return [pages, card]


def bundles_app() -> FastAPI:
    """The application below `/hedgehog/static`. It serves the files of `MEDIA_TYPES` and nothing else."""
    app = FastAPI(title="Hedgehog pages", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/{name}")
    def get_file(name: str, v: str = "") -> FileResponse:
        """One file. With its version in the address it is kept for good, otherwise it is asked for again each time."""
        if name not in MEDIA_TYPES:
            raise HTTPException(404)
        headers = {
            "Cache-Control": _FOR_GOOD if v else "no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        return FileResponse(STATIC / name, media_type=MEDIA_TYPES[name], headers=headers)

    return app
