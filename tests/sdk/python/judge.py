"""What an answer must be: exactly the type that the SDK declares for it.

The SDK hands every answer it is about to give a type to `_process_response_data`, pages and events of
streams included. The judge stands there and reads the JSON with pydantic's strict mode (no number for a
text, no unknown field), then asks that every field is there that the TypeScript SDK, which tells an absent
field from a `null` one, declares to be always there.
"""

import collections
import functools
import inspect
import json
import typing

import pydantic

import anthropic

PAGES = ("SyncPageCursor", "AsyncPageCursor", "SyncPage", "AsyncPage")


class Wrong(AssertionError):
    """An answer is not what the SDK says it is."""


class Judge:
    """Judges answers and counts them."""

    def __init__(self, shapes=None, extra="forbid"):
        self.types = shapes or {}
        self.extra = extra
        self.answers = 0
        self.by_type = collections.Counter()
        self.samples = {}

    def judge(self, data, declared):
        """Raises if the data is not exactly of the declared type."""
        name = self.name(declared)
        self.answers += 1
        self.by_type[name] += 1
        self.complete(self.read(data, declared, name), name)
        self.samples.setdefault(name, (data, declared))

    def read(self, data, declared, name):
        """Reads data as a type, strictly."""
        try:
            reader = pydantic.TypeAdapter(declared)
            data = self.shared(data, name)
            return reader.validate_json(json.dumps(data), strict=True, extra=self.extra)
        except pydantic.ValidationError as error:
            raise Wrong(f"not a {name}: {error}\n{json.dumps(data)[:2000]}") from error

    @staticmethod
    def shared(data, name):
        """Takes out the one field that only the beta type of an answer declares: the request is the same."""
        if name not in ("ModelInfo", "SyncPage[ModelInfo]", "AsyncPage[ModelInfo]"):
            return data
        data = json.loads(json.dumps(data))
        models = data.get("data", [data])
        for model in models if isinstance(models, list) else ():
            model.pop("allowed_fallback_models", None)
        return data

    def examine(self):
        """Damages one answer of each type in every field, and returns how often; each damage must be noticed."""
        damaged = 0
        for name, (data, declared) in self.samples.items():
            always = self.always(type(self.read(data, declared, name)).__name__)
            damages = [{**data, "unexpected": 1}]
            for field in always & set(data):
                wrong = "a text" if isinstance(data[field], dict) else {"not": ["this"]}
                damages.append({**data, field: wrong})
                damages.append({key: value for key, value in data.items() if key != field})
            for damage in damages:
                damaged += 1
                try:
                    self.complete(self.read(damage, declared, name), name)
                except Wrong:
                    continue
                raise AssertionError(f"the judge passes over a damaged {name}: {json.dumps(damage)[:500]}")
        return damaged

    @staticmethod
    def name(declared):
        """Returns a type's name, for people."""
        return getattr(declared, "__name__", None) or str(declared)[:60]

    def complete(self, value, at):
        """Raises if a field is absent that is always there."""
        if isinstance(value, pydantic.BaseModel):
            kind = type(value).__name__
            for field in type(value).model_fields:
                self.complete(getattr(value, field), f"{at}.{field}")
            given = {type(value).model_fields[field].alias or field for field in value.model_fields_set}
            absent = self.always(kind) - given
            if absent:
                raise Wrong(f"{at}: a {kind} without {sorted(absent)}")
        elif isinstance(value, dict):
            for key, item in value.items():
                self.complete(item, f"{at}.{key}")
        elif isinstance(value, (list, tuple)):
            for place, item in enumerate(value):
                self.complete(item, f"{at}[{place}]")

    def always(self, kind):
        """Returns the fields that a type always has."""
        if any(kind.startswith(page) for page in PAGES[:2]):
            return {"data", "next_page"}
        if any(kind.startswith(page) for page in PAGES[2:]):
            return {"data", "has_more", "first_id", "last_id"}
        if "BidirectionalPageCursor" in kind:
            return {"data", "next_page", "prev_page"}
        fields = self.types.get(kind, {}).get("fields", {})
        return {key for key, field in fields.items() if not field["optional"]}


class Wire:
    """Counts requests as they leave, and keeps the last one's headers."""

    def __init__(self):
        self.requests = 0
        self.last = None

    def note(self, request):
        self.requests += 1
        self.last = request

    async def note_later(self, request):
        self.note(request)


def clients(judge, key="api_key", **options):
    """Returns a blocking and an asynchronous client whose answers are judged, each with its wire."""
    made = []
    for base, http, later in (
        (anthropic.Anthropic, anthropic.DefaultHttpxClient, False),
        (anthropic.AsyncAnthropic, anthropic.DefaultAsyncHttpxClient, True),
    ):

        class Judged(base):
            def _process_response_data(self, *, data, cast_to, response):
                judge.judge(data, cast_to)
                return super()._process_response_data(data=data, cast_to=cast_to, response=response)

        wire = Wire()
        hook = wire.note_later if later else wire.note
        client = Judged(
            _strict_response_validation=True,
            http_client=http(event_hooks={"request": [hook]}),
            **options,
        )
        made.append((client, wire))
    return made


class Coverage:
    """Which methods of a client's resources have been called."""

    def __init__(self, client, names):
        self.calls = collections.Counter()
        self.methods = set()
        for name in names:
            resource = functools.reduce(getattr, name.split("."), client)
            for method, function in inspect.getmembers(type(resource), inspect.isfunction):
                if method.startswith("_") or method in SKIPPED.get(name, ()):
                    continue
                self.methods.add(f"{name}.{method}")
                self.watch(type(resource), method, function, f"{name}.{method}")

    def watch(self, owner, method, function, name):
        if getattr(function, "counted", False):
            function = function.__wrapped__

        @functools.wraps(function)
        def counted(*args, **kwargs):
            self.calls[name] += 1
            return function(*args, **kwargs)

        counted.counted = True
        setattr(owner, method, counted)

    def missing(self):
        """Returns the methods that nothing called."""
        return sorted(self.methods - set(self.calls))


# Loops that the SDK runs on the caller's machine, over the methods that are watched.
SKIPPED: typing.Dict[str, typing.Tuple[str, ...]] = {"beta.sessions.events": ("tool_runner",)}

RESOURCES = (
    "beta.agents",
    "beta.agents.versions",
    "beta.environments",
    "beta.sessions",
    "beta.sessions.events",
    "beta.sessions.resources",
    "beta.sessions.threads",
    "beta.sessions.threads.events",
    "beta.memory_stores",
    "beta.memory_stores.memories",
    "beta.memory_stores.memory_versions",
    "beta.dreams",
    "beta.deployments",
    "beta.deployment_runs",
    "beta.models",
    "models",
)
