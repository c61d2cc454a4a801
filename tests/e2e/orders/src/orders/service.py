import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Order(msgspec.Struct):
    number: int
    items: list[str]


async def orders(request: Request) -> Response:
    return Response(msgspec.json.encode([Order(1, ["tea"])]), media_type="application/json")


app = Starlette(routes=[Route("/orders", orders)])
