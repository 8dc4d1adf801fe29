"""nginx as the upstream, as a plain proxy, and with Lua as a gateway."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opencore.localservices.process import Child
from tests.bench.contest import cores
from tests.bench.contest.debian import Tools
from tests.bench.contest.kilobyte import BODY

LUA = Path(__file__).with_name("gateway.lua")
_FRAME = """
{modules}
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    {http}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            {location}
        }}
    }}
}}
"""
_POOL = """
    upstream api {{
        server 127.0.0.1:{upstream};
        keepalive 64;
        keepalive_requests 1000000000;
    }}"""
_PROXY = """
            proxy_pass http://api/v1$request_uri;
            proxy_http_version 1.1;
            proxy_set_header Connection "";"""
_MODULES = """
load_module "{0}/ndk_http_module.so";
load_module "{0}/ngx_http_lua_module.so";"""
_LUA = """
    lua_package_path "{lua}/?.lua;;";
    lua_package_cpath "{libraries}/lua/5.1/?.so;;";
    init_by_lua_block {{
        local file = io.open("{settings}")
        local settings = require("cjson").decode(file:read("*a"))
        file:close()
        enter = dofile("{script}")(settings)
    }}"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """The servers, each configured below a folder of its own."""

    tools: Tools
    folder: Path

    def upstream(self, port: int) -> Child:
        """Start a server that answers everything with one kilobyte of JSON."""
        answer = f"default_type application/json; return 200 '{BODY}';"
        return self._start("upstream", port, location=answer, measured=False)

    def proxy(self, port: int, *, upstream: int) -> Child:
        """Start a server that forwards, and does nothing else."""
        pool = _POOL.format(upstream=upstream)
        return self._start("proxy", port, http=pool, location=_PROXY)

    def gateway(
        self, port: int, *, upstream: int, settings: Mapping[str, object]
    ) -> Child:
        """Start a server that does a gateway's work in Lua."""
        told = self.folder / "gateway.json"
        told.write_text(json.dumps(settings), "utf-8")
        lua = _LUA.format(
            lua=self.tools.lua,
            libraries=self.tools.libraries,
            settings=told,
            script=LUA,
        )
        return self._start(
            "gateway",
            port,
            modules=_MODULES.format(self.tools.modules),
            http=_POOL.format(upstream=upstream) + lua,
            location=f"access_by_lua_block {{ return enter() }}{_PROXY}",
        )

    def _start(
        self,
        name: str,
        port: int,
        *,
        location: str,
        http: str = "",
        modules: str = "",
        measured: bool = True,
    ) -> Child:
        home = self.folder / f"nginx-{name}"
        home.mkdir()
        text = _FRAME.format(port=port, location=location, http=http, modules=modules)
        (home / "nginx.conf").write_text(text, "utf-8")
        arguments = ("-p", str(home), "-c", "nginx.conf", "-e", "stderr")
        command = (str(self.tools.nginx), *arguments)
        return Child(
            f"nginx as {name}",
            cores.measured(command) if measured else command,
            log=home / "nginx.log",
            env=self.tools.environment(),
        )
