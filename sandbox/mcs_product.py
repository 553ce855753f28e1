"""Twilio's Media Content Service: files of messages. Not in Twilio's OpenAPI; after its documentation."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from sandbox.product import Handler, json_answer
from sandbox.sids import is_sid, new_sid
from sandbox.store import Document
from sandbox.twilio_product import Listing, base_url, not_found, read_page, twilio_error
from sandbox.world import World

PREFIX = "/mcs/v1"
KIND = "Media"
LARGEST_BYTES = 150 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
LINK_LIFETIME_S = 300
PLAIN = "application/octet-stream"


class MediaApi:
    """Files by service and sid; their bytes are in `folder`, one file each."""

    def __init__(self, world: World, folder: Path, secret: str) -> None:
        self._world = world
        self._folder = folder
        self._secret = secret

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route that needs the account's credentials."""
        collection = f"{PREFIX}/Services/{{service}}/Media"
        yield "GET", f"{PREFIX}/Services", self.list_services
        yield "POST", collection, self.upload
        yield "GET", collection, self.list
        yield "GET", f"{collection}/{{media}}", self.fetch
        yield "GET", f"{collection}/{{media}}/Content", self.content
        yield "DELETE", f"{collection}/{{media}}", self.delete

    def open_handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """The routes whose address is itself the permission, until it expires."""
        yield "GET", "/mcs/media/{service}/{media}", self.download

    def clear(self) -> None:
        """Takes all files away."""
        for path in self._folder.glob("ME*"):
            path.unlink()

    async def list_services(self, request: web.Request) -> web.Response:
        page = read_page(self._world.store, Listing("Services", self._world.account_sid, "services"), request)
        url = base_url(request) + PREFIX
        shown = [{"sid": s["sid"], "url": f"{url}/Services/{s['sid']}"} for s in page.documents]
        return json_answer({"services": shown, "meta": page.meta})

    async def upload(self, request: web.Request) -> web.Response:
        service_sid = self._service_sid(request)
        sid = new_sid("ME")
        content_type, filename, size = await self._receive(request, self._path(sid))
        moment = self._world.clock.now_text()
        document: Document = {
            "sid": sid,
            "account_sid": self._world.account_sid,
            "service_sid": service_sid,
            "date_created": moment,
            "date_updated": moment,
            "date_upload_updated": moment,
            "channel_sid": None,
            "message_sid": None,
            "size": size,
            "content_type": content_type,
            "filename": request.query.get("Filename") or filename,
            "author": "system",
            "category": "media",
            "is_multipart_upstream": False,
        }
        self._world.store.add(KIND, service_sid, sid, document)
        return json_answer(self._present(document, request), 201)

    async def list(self, request: web.Request) -> web.Response:
        page = read_page(self._world.store, Listing(KIND, self._service_sid(request), "media"), request)
        return json_answer({"media": [self._present(d, request) for d in page.documents], "meta": page.meta})

    async def fetch(self, request: web.Request) -> web.Response:
        return json_answer(self._present(self._media(request), request))

    async def content(self, request: web.Request) -> web.StreamResponse:
        return self._file(self._media(request))

    async def delete(self, request: web.Request) -> web.Response:
        document = self._media(request)
        self._world.store.delete(KIND, document["service_sid"], document["sid"])
        self._path(document["sid"]).unlink(missing_ok=True)
        return web.Response(status=204)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The bytes, for whoever has a link that is still good."""
        sid, expires = request.match_info["media"], request.query.get("Expires", "")
        good = hmac.compare_digest(self._signature(sid, expires), request.query.get("Signature", ""))
        if not good or not expires.isdigit() or int(expires) < self._world.clock.now().timestamp():
            raise twilio_error(403, 20403, "This link has expired or is not one of ours")
        return self._file(self._media(request))

    # ---- inside ----

    def _service_sid(self, request: web.Request) -> str:
        sid = request.match_info["service"]
        if self._world.store.get("Services", self._world.account_sid, sid) is None:
            raise not_found(request)
        return sid

    def _media(self, request: web.Request) -> Document:
        sid = request.match_info["media"]
        found = self._world.store.get(KIND, request.match_info["service"], sid) if is_sid(sid, "ME") else None
        if found is None:
            raise not_found(request)
        return found

    def _path(self, sid: str) -> Path:
        return self._folder / sid

    async def _receive(self, request: web.Request, path: Path) -> tuple[str, str | None, int]:
        """Writes the body to the file: (content type, file name, bytes). Raises Refusal for one too large."""
        if request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            if not isinstance(part, BodyPartReader):
                raise twilio_error(400, 20001, "The body has no file in it")
            content_type = part.headers.get("Content-Type", PLAIN)
            return content_type, part.filename, await self._write(_chunks_of(part), path)
        content_type = request.headers.get("Content-Type", PLAIN)
        return content_type, None, await self._write(request.content.iter_chunked(CHUNK_BYTES), path)

    async def _write(self, chunks: AsyncIterator[bytes], path: Path) -> int:
        """The number of bytes written; nothing is left behind when it raises."""
        size = 0
        with _new_file(path) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > LARGEST_BYTES:
                    raise twilio_error(413, 20413, f"Media can have at most {LARGEST_BYTES} bytes")
                file.write(chunk)  # short, and to the page cache
            if size == 0:
                raise twilio_error(400, 20001, "The body is empty")
        return size

    def _file(self, document: Document) -> web.FileResponse:
        name = quote(document["filename"] or document["sid"])
        headers = {
            "Content-Type": document["content_type"],
            "Content-Disposition": f"inline; filename*=UTF-8''{name}",
        }
        return web.FileResponse(self._path(document["sid"]), headers=headers)

    def _present(self, document: Document, request: web.Request) -> dict[str, Any]:
        sid, service_sid = document["sid"], document["service_sid"]
        url = f"/v1/Services/{service_sid}/Media/{sid}"
        expires = str(int(self._world.clock.now().timestamp()) + LINK_LIFETIME_S)
        query = f"Expires={expires}&Signature={self._signature(sid, expires)}"
        link = f"{base_url(request)}/mcs/media/{service_sid}/{sid}?{query}"
        return {**document, "url": url, "links": {"content": f"{url}/Content", "content_direct_temporary": link}}

    def _signature(self, sid: str, expires: str) -> str:
        return hmac.new(self._secret.encode(), f"{sid} {expires}".encode(), hashlib.sha256).hexdigest()


async def _chunks_of(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(CHUNK_BYTES):
        yield chunk


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read; taken away again when the block raises."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise
