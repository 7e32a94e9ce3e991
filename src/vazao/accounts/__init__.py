"""Accounts: organizations and users, signing in, sessions, and the tokens of other systems.

The face that others import; what is heavy is imported inside the functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from vazao.accounts.demo import Identity
    from vazao.accounts.settings import AccountSettings
    from vazao.kit.platform import Authenticate, Platform
    from vazao.kit.registry import Registry

__all__ = [
    "AccountSettings", "Identity", "authenticator", "demo_identity", "organization_id", "register",
    "slugs",
]

__getattr__ = lazily(__name__, {"Identity": "demo", "AccountSettings": "settings"})


async def slugs(conn: AsyncConnection[Any], ids: set[int]) -> dict[int, str]:
    """The short names of organizations by their ids."""
    from vazao.accounts import store

    return await store.slugs(conn, ids)


async def organization_id(conn: AsyncConnection[Any], slug: str) -> int:
    """The id of the organization called *slug*.

    Raises:
        OrganizationUnknown: there is none; the remedy names the command that makes one.
    """
    from vazao.accounts import service

    return (await service.organization(conn, slug)).id


def authenticator(platform: Platform) -> Authenticate:
    """What finds out who asks: a bearer token, the header pair, or the session's cookie.

    ``main`` sets it as ``platform.authenticate``. Answers are kept for five seconds, which is
    how long a revocation made in another process may take to be felt.
    """
    from vazao.accounts.authentication import Authenticator

    return Authenticator(platform)


async def demo_identity(platform: Platform) -> Identity:
    """The organization, user and token that the demonstration acts for, made where missing."""
    from vazao.accounts import demo

    return await demo.identity(platform)


def _routes() -> list[Any]:
    from vazao.accounts import account_pages, admin_pages, api, limits, pages, platform_pages
    from vazao.accounts.administration import api as administration
    from vazao.accounts.directory import api as directory

    return [*pages.ROUTES, *account_pages.ROUTES, *admin_pages.ROUTES,
            *platform_pages.ROUTES, *limits.ROUTES, *api.ROUTES, *directory.ROUTES,
            *administration.ROUTES]


def _quick_home(platform: Platform) -> Any:
    from vazao.accounts import quick

    return quick.HomePage(platform)


def _quick_sign_in(platform: Platform) -> Any:
    from vazao.accounts import quick

    return quick.SignIn(platform)


def _quick_user(platform: Platform) -> Any:
    from vazao.accounts.directory import quick

    return quick.Quick(platform)


def _show_on_pages(registry: Registry) -> None:
    """The menu entries, and what an admin can do first."""
    from vazao.kit.registry import FirstStep, MenuEntry

    registry.menu += [
        MenuEntry("Home", "/", order=0),
        MenuEntry("Users", "/admin/users", order=90, admin=True),
        MenuEntry("Tokens", "/admin/tokens", order=91, admin=True),
        MenuEntry("Changes", "/admin/audit", order=92, admin=True),
        MenuEntry("Limits", "/limits", order=93),
        MenuEntry("Organizations", "/admin/organizations", order=94, platform=True),
    ]
    registry.first_steps += [
        FirstStep("Create a token", "/admin/tokens", 60, admin=True,
                  help="Another system uses the API with it."),
        FirstStep("Add a user", "/admin/users", 70, admin=True,
                  help="Give each colleague an account of their own."),
    ]


def register(registry: Registry) -> None:
    """Show the feature's routes, commands, pages, menu entries and housekeeping."""
    from vazao.accounts import cli, demo, tasks
    from vazao.accounts.addressees import Addressees
    from vazao.accounts.administration import cli as administering
    from vazao.accounts.errors import CredentialInvalid
    from vazao.accounts.models import USER_CHANGED
    from vazao.kit.registry import NoticeType, Periodic, Retention, for_ever

    registry.people = Addressees(registry.scopes)
    registry.tells(NoticeType(USER_CHANGED, "Users changed", scope="users:read", admin=True))
    registry.credential_errors.append(CredentialInvalid)
    registry.add_scope("users:read", "See the users of the organization.", members=True)
    # Members do not have it: who may make users could make an admin of their own.
    registry.add_scope(
        "users:write", "Create, change and disable users, also admins.", members=False
    )
    registry.web.append(_routes)
    registry.quick["/"] = _quick_home
    registry.quick["/login"] = _quick_sign_in
    registry.quick["/user/"] = _quick_user
    registry.commands["accounts"] += [cli.app, administering.app]
    registry.demo_bodies["POST", "/v1/sessions"] = demo.sign_in_body
    registry.template_packages.append("vazao.accounts")
    _show_on_pages(registry)
    registry.retentions.append(Retention("Changes of users and tokens", None, for_ever))
    registry.periodic += [
        Periodic("accounts.purge", 600.0, tasks.purge),
        Periodic("accounts.measure_limits", 60.0, tasks.measure_limits),
    ]
