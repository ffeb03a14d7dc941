"""Where payment channels tell us by themselves what they know. (支付通知)"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pages.routes import Routes
from pages.security.limits import KILOBYTE
from services.clinic import Clinic

PATH = "/payments/notice"
NOTICE_BYTES = 64 * KILOBYTE


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/payments/notice`: any answer but 200 has the channel send it again."""

    @routes.http(
        "POST",
        PATH,
        public="a channel's notice is believed by its signature, whoever brings it",
        foreign=True,
        body_bytes=NOTICE_BYTES,
    )
    async def notice(request: Request) -> Response:
        thanks = await clinic.settlement.hear(request.headers, await request.body())
        return PlainTextResponse(thanks)
