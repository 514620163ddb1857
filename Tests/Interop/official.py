"""The official SDK's clients, as a buyer would set them up: default spend controls, nothing patched."""
import asyncio
import dataclasses

import httpx
import requests
from eth_account import Account
from requests.adapters import HTTPAdapter
from x402 import x402Client, x402ClientSync
from x402.http import x402HTTPClient
from x402.http.clients import x402_httpx_transport, x402_requests, x402HttpxClient
from x402.http.clients.requests import x402HTTPAdapter
from x402.mechanisms.evm.exact import register_exact_evm_client


@dataclasses.dataclass
class Purchase:
    """What the client ended up with, and the header it paid with."""
    status: int
    body: dict
    settlement: object
    payload: object
    headers: dict
    payer: str


class OldWire(HTTPAdapter):
    """The wire as a server of the first protocol version speaks it: without the header of the second."""

    def send(self, request, **options):
        response = super().send(request, **options)
        response.headers.pop("PAYMENT-REQUIRED", None)
        return response


class OldAdapter(x402HTTPAdapter, OldWire):
    """The SDK's adapter, unchanged, over that wire: it then reads the 402's body and pays by version 1."""


class OldTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        response.headers.pop("PAYMENT-REQUIRED", None)
        return response


def finish(client, seen, account, status, body, response_headers):
    http_client = x402HTTPClient(client)
    try:
        settlement = http_client.get_payment_settle_response(response_headers.get)
    except ValueError:
        settlement = None
    paid = http_client.encode_payment_signature_header(seen["payload"]) if seen else {}
    return Purchase(status, body, settlement, seen.get("payload"), paid, account.address)


def buy_sync(url, version=2, account=None):
    account, seen = account or Account.create(), {}
    client = x402ClientSync()
    register_exact_evm_client(client, account)
    client.on_after_payment_creation(lambda context: seen.update(payload=context.payment_payload))
    if version == 2:
        session = x402_requests(client)
    else:
        session = requests.Session()
        session.mount("http://", OldAdapter(client))
    session.trust_env = False
    with session:
        response = session.get(url, timeout=60)
    return finish(client, seen, account, response.status_code, response.json(), response.headers)


def buy_async(url, version=2, account=None):
    account, seen = account or Account.create(), {}

    async def run():
        client = x402Client()
        register_exact_evm_client(client, account)

        async def created(context):
            seen.update(payload=context.payment_payload)

        client.on_after_payment_creation(created)
        if version == 2:
            session = x402HttpxClient(client, timeout=60, trust_env=False)
        else:
            session = httpx.AsyncClient(transport=x402_httpx_transport(client, OldTransport()), timeout=60, trust_env=False)
        async with session as http:
            response = await http.get(url)
            await response.aread()
        return client, response

    client, response = asyncio.run(run())
    return finish(client, seen, account, response.status_code, response.json(), response.headers)


BUYERS = {"sync": buy_sync, "async": buy_async}
