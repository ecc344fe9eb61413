"""A small tool server: `wireproof run examples/weather.py`."""

from __future__ import annotations

from dataclasses import dataclass

from wireproof.mcp_tools import Context, ToolError, ToolServer

server = ToolServer("weather", version="1.0.0", instructions="Ask for a forecast by city.")

CLIMATES = {"Oslo": 4.5, "Rome": 17.0, "Nairobi": 19.5}


@dataclass
class Forecast:
    """What the sky will do."""

    city: str
    days: int
    celsius: list[float]


@server.tool(annotations={"readOnlyHint": True})
async def forecast(city: str, days: int = 3) -> Forecast:
    """Forecast the temperature.

    Args:
        city: One of the cities of the resource weather://cities.
        days: How many days ahead.
    """
    if city not in CLIMATES:
        raise ToolError(f"No forecast for {city!r}: try one of {', '.join(CLIMATES)}")
    return Forecast(city, days, [CLIMATES[city] + day / 2 for day in range(days)])


@server.tool
async def record(city: str, celsius: float, ctx: Context[None]) -> str:
    """Record a measurement, after asking the user."""
    answer = await ctx.elicit(f"Record {celsius} °C for {city}?", Confirmation)
    if not answer.accepted or not answer.data.sure:
        return "Nothing recorded"
    CLIMATES[city] = celsius
    server.resource_updated("weather://cities")
    return f"Recorded {celsius} °C for {city}"


@dataclass
class Confirmation:
    """What the user is asked."""

    sure: bool


@server.resource("weather://cities", mime_type="application/json", public=True)
def cities() -> list[str]:
    """The cities with a forecast."""
    return sorted(CLIMATES)


@server.resource("weather://{city}/now")
def now(city: str) -> str:
    """The weather of a city at this moment."""
    return f"{city}: {CLIMATES.get(city, 15.0)} °C"


@server.prompt
def packing(city: str) -> str:
    """What to pack for a journey."""
    return f"Look up the forecast for {city} and tell me what to pack."


@server.completer("packing", "city")
@server.completer("weather://{city}/now", "city")
def complete_city(value: str) -> list[str]:
    """Cities that begin like that."""
    return [city for city in sorted(CLIMATES) if city.lower().startswith(value.lower())]


if __name__ == "__main__":
    server.run()
