"""What every program needs: one way to call the blocking and the asynchronous client, and what to expect."""

import inspect
import time
from dataclasses import dataclass, field

import anthropic


@dataclass
class Way:
    """One client, and what is counted about it."""

    name: str
    client: object
    wire: object
    judge: object
    is_old: bool = False
    checks: int = 0
    errors: int = 0
    notes: list = field(default_factory=list)

    def expect(self, fact, told):
        """Counts a fact, and raises if it does not hold."""
        self.checks += 1
        if not fact:
            raise AssertionError(f"{self.name}: {told}")

    def same(self, left, right, told):
        """Counts an equality."""
        self.expect(left == right, f"{told}: {left!r} is not {right!r}")

    async def refused(self, call, kind, status, word):
        """Makes a call that must fail with one of the SDK's classes, and returns the error."""
        before = self.wire.requests
        try:
            await go(call())
        except anthropic.APIStatusError as error:
            self.errors += 1
            self.expect(type(error) is kind, f"{type(error).__name__} is not {kind.__name__}: {error}")
            self.same(error.status_code, status, "status")
            body = error.body
            self.same(body["error"]["type"], word, "the error's type")
            self.expect(body["error"]["message"], "an error without a message")
            self.same(error.type, word, "the error's type as the SDK reads it")
            self.expect(str(error.request_id).startswith("req_"), f"request id {error.request_id!r}")
            self.same(body["request_id"], error.request_id, "the request id of header and body")
            error.attempts = self.wire.requests - before
            return error
        raise AssertionError(f"{self.name}: a call passed that must fail with {status} {word}")


async def go(answer):
    """Returns an answer, waiting for it if there is something to wait for."""
    return await answer if inspect.isawaitable(answer) else answer


async def every(listing, most=100_000):
    """Returns all items of a list, following its pages as the SDK does."""
    items = []
    if hasattr(listing, "__aiter__"):
        async for item in listing:
            items.append(item)
            if len(items) >= most:
                break
    else:
        for item in listing:
            items.append(item)
            if len(items) >= most:
                break
    return items


async def until(ask, is_it, what, seconds=60.0):
    """Asks until the answer is the one waited for; returns every answer on the way."""
    deadline = time.monotonic() + seconds
    seen = []
    while True:
        seen.append(await go(ask()))
        if is_it(seen[-1]):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s: {seen[-1]!r}")


def text(words):
    """Returns a list of content blocks with one text."""
    return [{"type": "text", "text": words}]


def said(words):
    """Returns a user's message as an event."""
    return {"type": "user.message", "content": text(words)}
