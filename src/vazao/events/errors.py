"""What can be wrong with a provider, a feed or a search, each with its remedy."""

from __future__ import annotations

from vazao.kit.errors import BadRequest, Conflict, NotFound, VazaoError


class ProviderNotFound(NotFound):
    """There is no such provider."""

    code = "provider_not_found"


class ProviderExists(Conflict):
    """Your organization already has a provider of this name."""

    code = "provider_exists"


class ProviderAmbiguous(BadRequest):
    """Several organizations have a provider of this name; say which with --organization."""

    code = "provider_ambiguous"


class AddressPrivate(BadRequest):
    """{host} is not a public address. An administrator can add private ones on the command line."""

    code = "address_private"


class ProviderNameInvalid(BadRequest):
    """A provider's name has at most 63 letters, digits, dots, hyphens and underscores."""

    code = "provider_name_invalid"


class FeedAddressInvalid(BadRequest):
    """The address of a feed begins with http:// or https:// and names a host."""

    code = "feed_address_invalid"


class IntervalInvalid(BadRequest):
    """The interval must be from 1 second to 7 days, such as 60s, 5m or 1h."""

    code = "interval_invalid"


class EventNotFound(NotFound):
    """There is no such event."""

    code = "event_not_found"


class BoundInvalid(BadRequest):
    """{name} must be a date and time such as 2026-03-14T21:00:00Z, not {value}."""

    code = "bound_invalid"


class DayInvalid(BadRequest):
    """{value} is not a date. Write one such as 2026-03-14."""

    code = "day_invalid"


class BoundMissing(BadRequest):
    """{name} is missing: a date and time such as 2026-03-14T21:00:00Z."""

    code = "bound_missing"


class BoundTwice(BadRequest):
    """{name} is given more than once."""

    code = "bound_twice"


class BoundsReversed(BadRequest):
    """starts_at lies after ends_at."""

    code = "bounds_reversed"


class ParameterMissing(BadRequest):
    """The parameter {name} is missing."""

    code = "parameter_missing"


class PriceInvalid(BadRequest):
    """{name} must be a number such as 12.50, not {value}."""

    code = "price_invalid"


class FilterInvalid(BadRequest):
    """{name} cannot be {value}; it is {allowed}."""

    code = "filter_invalid"


class TooMuchFound(BadRequest):
    """More than {most} events lie between these times. Read them in pages, with limit and after."""

    code = "too_much_found"


class FeedError(VazaoError):
    """The provider's feed could not be read. Search keeps the last good state."""

    code = "feed_error"
    status = 502


class FeedUnreachable(FeedError):
    """The provider cannot be reached."""

    code = "feed_unreachable"


class FeedRefused(FeedError):
    """The provider answers {status}."""

    code = "feed_refused"


class FeedTooSlow(FeedError):
    """The provider sends its feed too slowly: {bytes} bytes in {seconds} seconds."""

    code = "feed_too_slow"


class FeedTooLarge(FeedError):
    """The feed has more than {limit} bytes."""

    code = "feed_too_large"


class FeedCutOff(FeedError):
    """The provider's answer ended before the whole feed had arrived."""

    code = "feed_cut_off"


class FeedAddressForbidden(FeedError):
    """The feed's address leads to {address}, which is not a public one."""

    code = "feed_address_forbidden"


class FeedRedirects(FeedError):
    """The provider redirects too many times."""

    code = "feed_redirects"


class FeedNotXml(FeedError):
    """The answer is not the XML of a feed, at line {line}: {reason}."""

    code = "feed_not_xml"


class FeedUnknown(FeedError):
    """The answer is XML, but not a feed that Vazão knows: its first element is {root}."""

    code = "feed_unknown"


class FeedDeclares(FeedError):
    """The feed declares a document type (DOCTYPE), which is not allowed: it could hide harmful
    entities.
    """

    code = "feed_declares"


class FeedNeedsTooMuch(FeedError):
    """Reading the feed took more memory or time than allowed."""

    code = "feed_needs_too_much"

    def __init__(self) -> None:
        super().__init__(
            remedy="Ask the provider for a smaller feed, or raise "
            "VAZAO_EVENTS_READ_MEMORY_BYTES."
        )


FEED_ERRORS: dict[str, type[FeedError]] = {
    kind.code: kind for kind in (
        FeedError, FeedUnreachable, FeedRefused, FeedTooSlow, FeedTooLarge, FeedCutOff,
        FeedAddressForbidden, FeedRedirects, FeedNotXml, FeedUnknown, FeedDeclares,
        FeedNeedsTooMuch,
    )
}
"""By code, for what a process that reads a feed says of it."""
