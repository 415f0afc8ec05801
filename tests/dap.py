"""A client of the debug adapter protocol: what Visual Studio Code says to debugpy, said by a test.

with Debugger(entry, folder) as vscode:          # an entry of launch.json
    stop = vscode.wait_for("stopped")
    frame = vscode.frames(stop)[0]
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

TIMEOUT = 60  # seconds for one answer: a first import of numba on a busy machine is slow


class Debugger:
    """debugpy's adapter, running one launch configuration."""

    def __init__(self, entry: dict, folder: Path, environment: dict, breakpoints: dict[str, list[int]] | None = None):
        adapter = [sys.executable, "-m", "debugpy.adapter"]
        self.process = subprocess.Popen(
            adapter, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.number, self.arrived, self.kept = 0, queue.Queue(), []
        threading.Thread(target=self._listen, daemon=True).start()
        self.ask("initialize", adapterID="debugpy", linesStartAt1=True, pathFormat="path")
        here = {"console": "internalConsole", "cwd": str(folder), "python": [sys.executable], "env": environment}
        launch = self.send("launch", **{**entry, **here})
        self.wait_for("initialized")
        for path, lines in (breakpoints or {}).items():
            self.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines])
        self.ask("configurationDone")
        self.answer(launch)

    def __enter__(self) -> Debugger:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.ask("disconnect", terminateDebuggee=True)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()

    # ------------------------------------------------------------------------------------------------- the protocol
    def _listen(self) -> None:
        """Messages are JSON behind a header with their length."""
        stream = self.process.stdout
        while header := stream.readline():
            length = int(header.split(b":")[1])
            stream.readline()
            self.arrived.put(json.loads(stream.read(length)))
        stream.close()

    def send(self, command: str, **arguments: object) -> int:
        self.number += 1
        content = {"seq": self.number, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(content).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()
        return self.number

    def _find(self, wanted) -> dict:
        """The first message that is `wanted`, of those that came or will come."""
        for message in self.kept:
            if wanted(message):
                self.kept.remove(message)
                return message
        while True:
            message = self.arrived.get(timeout=TIMEOUT)
            if wanted(message):
                return message
            self.kept.append(message)

    def answer(self, number: int) -> dict:
        message = self._find(lambda m: m["type"] == "response" and m["request_seq"] == number)
        assert message["success"], message
        return message.get("body") or {}

    def ask(self, command: str, **arguments: object) -> dict:
        return self.answer(self.send(command, **arguments))

    def wait_for(self, event: str) -> dict:
        return self._find(lambda m: m["type"] == "event" and m["event"] == event).get("body") or {}

    # --------------------------------------------------------------------------------------------- what a user does
    def frames(self, stop: dict) -> list[dict]:
        return self.ask("stackTrace", threadId=stop["threadId"])["stackFrames"]

    def variables(self, frame: dict) -> dict[str, str]:
        """The local variables of a frame, as text."""
        scope = self.ask("scopes", frameId=frame["id"])["scopes"][0]
        found = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        return {variable["name"]: variable["value"] for variable in found}

    def go(self, command: str, stop: dict) -> dict:
        """`continue`, `next` or `stepIn`, until the next stop."""
        self.ask(command, threadId=stop["threadId"])
        return self.wait_for("stopped")
