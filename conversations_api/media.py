"""`/api/conversations/{conversationSid}/media`: files up and down, streamed both ways and never held whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
from aiohttp import BodyPartReader, web

from conversations_api.account_views import MediaFile
from conversations_api.identifiers import path_sid
from conversations_api.media_host import too_large
from conversations_api.parts import MEDIA, TWILIO
from conversations_api.queries import InService, parse_query
from conversations_api.refusals import unreadable
from conversations_api.resources import CONVERSATION
from conversations_api.routes import Route
from conversations_api.upstream import Call
from conversations_api.views import Conversation
from conversations_api.wire import Unreadable, view
from shared.operators import Role
from shared.problem import Problem
from shared.service import audit, json_response
from shared.telemetry import get_logger

# Twilio: chat takes files up to 150 MB; SMS and WhatsApp less, and refuse theirs themselves.
LARGEST_FILE_BYTES = 150 * 1024**2
CHUNK_BYTES = 64 * 1024
CHUNK_WITHIN_S = 15.0
LONGEST_FILENAME = 255
# What is not a picture, sound, film or document people send each other could run somewhere.
ACCEPTED = re.compile(
    r"image/(?!svg)[\w.+-]+|audio/[\w.+-]+|video/[\w.+-]+|text/(plain|csv|vcard|x-vcard|calendar|rtf)"
    r"|application/(pdf|rtf|zip|json|msword|vnd\.[\w.+-]+|octet-stream|ogg)"
)
# What a browser may show in place; everything else is saved.
SHOWN = re.compile(r"image/(png|jpeg|gif|webp|avif|bmp)|audio/[\w.+-]+|video/[\w.+-]+|application/pdf")
PASSED_ON = ("Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified")
log = get_logger("conversations.media")


async def _upload(request: web.Request) -> web.Response:
    service_sid = await _service_of(request)
    part = await _file_part(request)
    content_type = part.headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip().lower()
    if ACCEPTED.fullmatch(content_type) is None:
        raise Problem(415, f"Files of the type {content_type[:100]} are not accepted.", code=41500)
    pieces = _Pieces(part)
    target = request.match_info["conversationSid"]
    try:
        stored = await request.app[MEDIA].store(service_sid, pieces.read(), content_type, _filename(part))
    except Problem as problem:
        problem = pieces.problem or problem
        audit(request, "media.create", target, f"refused {problem.status} {problem.code}")
        raise problem from None
    audit(request, "media.create", f"{target}/{stored.sid}")
    return json_response(stored, status=201)


async def _download(request: web.Request) -> web.StreamResponse:
    media_sid = path_sid(request.match_info["mediaSid"], "ME", "mediaSid")
    service_sid = await _service_of(request)
    wanted = {"Range": request.headers["Range"]} if "Range" in request.headers else {}
    async with request.app[MEDIA].read(service_sid, media_sid, wanted) as (file, answer):
        response = web.StreamResponse(status=answer.status, headers=_headers(file, answer))
        await response.prepare(request)
        try:
            async for piece in answer.content.iter_chunked(CHUNK_BYTES):
                await response.write(piece)
            await response.write_eof()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("file broke off", media_sid=media_sid, reason=type(error).__name__)
            if request.transport is not None:  # a clean end would look like the whole file
                request.transport.abort()
    return response


async def _service_of(request: web.Request) -> str:
    """The service the conversation lives in, which the media host wants to know even for the default one."""
    query = parse_query(request.query, InService)
    service_sid = query.service_sid if isinstance(query.service_sid, str) else None
    path = CONVERSATION.upstream_path("fetch", request.match_info, service_sid)
    try:
        found = view(await request.app[TWILIO].send(Call("GET", path)), Conversation)
    except Unreadable as error:
        raise unreadable("GET") from error
    if found.chat_service_sid is None:
        raise unreadable("GET")
    return path_sid(found.chat_service_sid, "IS", "chatServiceSid")


async def _file_part(request: web.Request) -> BodyPartReader:
    """The part named `file`, which must come first. Raises Problem."""
    if request.content_type != "multipart/form-data":
        raise Problem(415, "Send the file as multipart/form-data, in a part named `file`.", code=41500)
    if (request.content_length or 0) > LARGEST_FILE_BYTES + CHUNK_BYTES:
        raise too_large(LARGEST_FILE_BYTES)
    try:
        async with asyncio.timeout(CHUNK_WITHIN_S):
            part = await (await request.multipart()).next()
    except (ValueError, AssertionError, TimeoutError) as error:
        raise Problem(400, "The body is not a form with a file in it.") from error
    if not isinstance(part, BodyPartReader) or part.name != "file":
        raise Problem(400, "The first part of the form must be the file, named `file`.")
    return part


def _filename(part: BodyPartReader) -> str | None:
    """The name without folders and characters that mean something to a shell or a header."""
    name = re.sub(r"[\x00-\x1f\x7f\"<>|*?]", "", (part.filename or "").replace("\\", "/").rpartition("/")[2])
    return name[:LONGEST_FILENAME] or None


class _Pieces:
    """The file as it arrives, under a size limit and a deadline per piece; `problem` says why it broke off."""

    def __init__(self, part: BodyPartReader) -> None:
        self._part = part
        self.problem: Problem | None = None

    async def read(self) -> AsyncIterator[bytes]:
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > LARGEST_FILE_BYTES:
                self.problem = too_large(LARGEST_FILE_BYTES)
                raise OSError("large file")
            yield piece

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(CHUNK_WITHIN_S):
                return bytes(await self._part.read_chunk(CHUNK_BYTES))
        except TimeoutError as error:
            self.problem = Problem(408, "The file stopped arriving.", headers={"Connection": "close"})
            raise OSError("slow file") from error
        except ValueError as error:
            self.problem = Problem(400, "The form ends inside the file.")
            raise OSError("broken form") from error


def _headers(file: MediaFile, answer: aiohttp.ClientResponse) -> dict[str, str]:
    content_type = (file.content_type or "application/octet-stream").partition(";")[0].strip().lower()
    shown = SHOWN.fullmatch(content_type) is not None
    name = quote(file.filename or file.sid, safe="")
    headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    return {
        **headers,
        "Content-Type": content_type if shown else "application/octet-stream",
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
        # A file is a stranger's: it must not run as a page of ours.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cache-Control": "private, max-age=3600",
    }


FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
}
ROUTES = (
    Route(
        "POST",
        "/api/conversations/{conversationSid}/media",
        _upload,
        Role.AGENT,
        "Store a file, to be named in a message by `mediaSid`",
        "media",
        status=201,
        answer=MediaFile,
        query=InService,
        takes=("multipart/form-data", FORM),
    ),
    Route(
        "GET",
        "/api/conversations/{conversationSid}/media/{mediaSid}",
        _download,
        Role.VIEWER,
        "Read a file",
        "media",
        answer=bytes,
        content="application/octet-stream",
        query=InService,
    ),
)
