"""Rotates the keys of a house and dies before a given step: a process for tests."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from data.keyring import Keyring
from jobs.rotation import Rotation
from services.settings import Settings


class Standing:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Steps:
    def __init__(self, die_at: int, last_words: Path) -> None:
        self.left = die_at
        self.last_words = last_words

    def watch(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.last_words.write_text(name)
            os._exit(9)


def rotate(home: Path, die_at: int, last_words: Path) -> None:
    settings = Settings(home=home)
    steps = Steps(die_at, last_words)
    ring = Keyring(settings.key_file, {})
    asyncio.run(Rotation(settings, ring, Standing(), steps.watch).run())
