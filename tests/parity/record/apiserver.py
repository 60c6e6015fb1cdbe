"""A recording API server: it keeps what it is sent and judges nothing.

It answers the requests that spark-submit makes (POST, server-side apply, GET, watch, DELETE),
and fails where a case's `faults` say so. It doesn't validate, default or admit.
"""

import base64
import hashlib
import http.server
import json
import re
import threading
from urllib.parse import urlsplit, parse_qs

WATCH_SECONDS = 30
# RFC 6455, 1.3.
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# An API server may stand under a path of its own, as behind a proxy for many clusters.
PATH = re.compile(
    r"(?:/[^?]*?)?/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?\Z"
)


class RecordingApiServer:
    """Objects by path in the order of their creation, and each request in the order of its arrival."""

    def __init__(self, faults=(), preload=()):
        self.objects = {}
        self.deleted = []
        self.requests = []
        self.faults = [dict(fault) for fault in faults]
        self.preloaded = set()
        self._uids = 0
        self._lock = threading.Lock()
        for manifest in preload:
            path = self._path_of(manifest)
            self.objects[path] = {"sent": manifest, "uid": self._next_uid()}
            self.preloaded.add(path)
        owner = self

        class Requests(_Requests):
            api = owner

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def recorded(self):
        """The objects that exist and that a request made or changed."""
        return [o["sent"] for path, o in self.objects.items() if path not in self.preloaded]

    @staticmethod
    def _path_of(manifest):
        version = manifest["apiVersion"]
        root = "/api/v1" if version == "v1" else "/apis/" + version
        meta = manifest["metadata"]
        return f"{root}/namespaces/{meta['namespace']}/{manifest['kind'].lower()}s/{meta['name']}"

    def _next_uid(self):
        self._uids += 1
        return "00000000-0000-4000-8000-%012d" % self._uids

    def answer(self, method, path, body, selector=""):
        """Status code, body and headers for one request; `selector` holds `label=value` pairs for a list."""
        with self._lock:
            self.requests.append((method, path))
            fault = self._fault_for(method, path)
            if fault:
                headers = {"Retry-After": str(fault["retryAfter"])} if "retryAfter" in fault else {}
                return fault["code"], status(fault["code"], fault["reason"], fault["message"]), headers
            found = PATH.match(path)
            if not found:
                return 404, status(404, "NotFound", "the server could not find the requested resource"), {}
            if method == "GET" and not found["name"]:
                return 200, self._list(path, found, selector), {}
            return (*getattr(self, "_" + method.lower())(path, found, body), {})

    def _fault_for(self, method, path):
        for fault in self.faults:
            if fault.get("method", method) != method or not re.fullmatch(fault["path"], path):
                continue
            if "times" in fault:
                if fault["times"] == 0:
                    continue
                fault["times"] -= 1
            return fault
        return None

    def _live(self, path, found):
        """The object as the API server would show it."""
        kept = self.objects[path]
        live = json.loads(json.dumps(kept["sent"]))
        live.setdefault("metadata", {}).update(uid=kept["uid"], creationTimestamp="2026-01-01T00:00:00Z", resourceVersion="1")
        if found["namespace"]:
            live["metadata"]["namespace"] = found["namespace"]
        if live.get("kind") == "Pod":
            # A case that waits for completion is done at its first look.
            live["status"] = {"phase": "Succeeded"}
        return live

    def _post(self, path, found, body):
        name = body.get("metadata", {}).get("name")
        target = f"{path}/{name}"
        if target in self.objects:
            details = {"name": name, "kind": found["plural"]}
            return 409, status(409, "AlreadyExists", f'{found["plural"]} "{name}" already exists', details)
        self.objects[target] = {"sent": body, "uid": self._next_uid()}
        return 201, self._live(target, found)

    def _patch(self, path, found, body):
        known = self.objects.get(path)
        if known:
            known["sent"] = body
            self.preloaded.discard(path)
        else:
            self.objects[path] = {"sent": body, "uid": self._next_uid()}
        return (200 if known else 201), self._live(path, found)

    _put = _patch

    def _get(self, path, found, _body):
        if path in self.objects:
            return 200, self._live(path, found)
        return self._absent(found)

    def _list(self, path, found, selector):
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if "=" in pair)
        items = [self._live(p, found) for p in self.objects if p.startswith(path + "/")]
        items = [item for item in items if wanted.items() <= item["metadata"].get("labels", {}).items()]
        return {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}

    def _delete(self, path, found, _body):
        if path not in self.objects:
            return self._absent(found)
        kept = self.objects.pop(path)
        self.deleted.append(f'{kept["sent"].get("kind")}/{found["name"]}')
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    @staticmethod
    def _absent(found):
        details = {"name": found["name"], "kind": found["plural"]}
        return 404, status(404, "NotFound", f'{found["plural"]} "{found["name"]}" not found', details)


def status(code, reason, message, details=None):
    """A Kubernetes Status that says no."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code, "details": details or {}}


class _Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *_):
        pass

    def _serve(self):
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = parse_qs(url.query)
        if self.command == "GET" and query.get("watch") == ["true"]:
            return self._watch(url.path)
        selector = query.get("labelSelector", [""])[0]
        code, body, headers = self.api.answer(self.command, url.path, json.loads(text) if text else None, selector)
        payload = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(payload)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)
        return None

    def _watch(self, path):
        self.api.requests.append(("WATCH", path))
        if "websocket" in (self.headers.get("Upgrade") or ""):
            key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET_GUID
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        else:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        # Nothing ever happens on this watch; the client's own GET says that the Pod is done.
        self.connection.settimeout(WATCH_SECONDS)
        try:
            # The client's close frame, or its end.
            self.rfile.read(1)
        except OSError:
            pass
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve
