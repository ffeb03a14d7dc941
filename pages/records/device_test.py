"""The test of camera and microphone, as an element. (设备检测)"""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.kit.tell import told
from pages.words import t

WORDS = ("start", "looking", "hear", "ok", "silent", "refused", "missing")
KNOWN = ("outcome", "heard", "width", "height", "why")


class DeviceTest(ui.element, component="../kit/device_test.js"):
    """Tries camera and microphone in the browser; `on_result` is told what came of it."""

    def __init__(self, on_result: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        super().__init__()
        self._props["words"] = {name: t(f"device.{name}") for name in WORDS}
        self._on_result = on_result
        self.on("result", self._result)

    async def _result(self, event: GenericEventArguments) -> None:
        told_us = event.args[0] if isinstance(event.args, list) and event.args else event.args
        report = told_us if isinstance(told_us, dict) else {}
        kept = {name: report[name] for name in KNOWN if name in report}
        with told():
            await self._on_result(str(report.get("outcome", "failed")), kept)
