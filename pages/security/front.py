"""What stands between the house and the network, as one value."""

import asyncio
from dataclasses import dataclass, field

from pages.routes import Routes
from pages.security.limits import Pace, Rates
from pages.security.origins import OwnNames
from pages.security.sockets import Sockets
from pages.security.visitors import Visitors
from services.overload import Overload
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gate must know of the place it stands in."""

    names: OwnNames
    proxies: frozenset[str] = frozenset()
    hsts: bool = False
    """Only with a certificate that every browser trusts: HSTS would lock people out else."""
    rates: Rates = field(default_factory=Rates)

    @classmethod
    def of(cls, settings: Settings) -> "Surroundings":
        """Read them from what the machine's owner has set."""
        server, certificate = settings.server, settings.certificate
        return cls(
            names=OwnNames.of(server.public_url, certificate.names),
            proxies=frozenset(server.proxies),
            hsts=certificate.source == "acme",
            rates=Rates().times(server.rate_factor),
        )


@dataclass(frozen=True, slots=True)
class Front:
    """The gate's parts."""

    routes: Routes
    visitors: Visitors
    sockets: Sockets
    pace: Pace
    overload: Overload
    place: Surroundings

    async def run(self) -> None:
        """Watch the load and the sessions for as long as the server lives."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.overload.run(), name="load")
            tasks.create_task(self.sockets.run(), name="sockets")

    def stop(self) -> None:
        """Let `run` come to its end."""
        self.overload.stop()
        self.sockets.stop()
