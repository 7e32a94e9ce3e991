"""A door by the guide of fastapi-users: a cookie, sessions in the database, SQLAlchemy, uvicorn.

    python bench/door_fastapi.py COUNT        makes so many users, and prints sessions of others
    uvicorn door_fastapi:app                  serves

``DOOR_DATABASE`` names the database; ``DOOR_HASHER=ours`` takes our parameters of argon2, else its
own defaults hold. It runs in the environment of ``requirements/rivals.txt``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import uuid
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, CookieTransport
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from starlette.responses import HTMLResponse

PASSWORD = "três pratos de trigo"
PAGE = "<!doctype html><title>Home</title><p>Hello, {email}</p>"
engine = create_async_engine(
    os.environ.get("DOOR_DATABASE", "postgresql://").replace("postgresql:", "postgresql+asyncpg:"),
    pool_size=10,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
helper = PasswordHelper(PasswordHash((
    Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),
))) if os.environ.get("DOOR_HASHER") == "ours" else PasswordHelper()


class Base(DeclarativeBase):
    """Of the tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """Of the guide."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """Of the guide."""


async def session() -> Any:
    """A session for a request."""
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def user_db(opened: Session) -> Any:
    """Where users are."""
    yield SQLAlchemyUserDatabase(opened, User)


async def token_db(opened: Session) -> Any:
    """Where sessions are."""
    yield SQLAlchemyAccessTokenDatabase(opened, AccessToken)


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Of the guide."""


async def user_manager(users: Annotated[Any, Depends(user_db)]) -> Any:
    """Of the guide."""
    yield UserManager(users, helper)


def strategy(tokens: Annotated[Any, Depends(token_db)]) -> DatabaseStrategy[Any, Any, Any]:
    """Of the guide."""
    return DatabaseStrategy(tokens, lifetime_seconds=3600)


backend = AuthenticationBackend(
    name="cookie", transport=CookieTransport(cookie_max_age=3600, cookie_secure=False),
    get_strategy=strategy,
)
doors = FastAPIUsers[User, uuid.UUID](user_manager, [backend])
app = FastAPI()
app.include_router(doors.get_auth_router(backend), prefix="/auth/cookie")


@app.get("/")
async def home(user: Annotated[User, Depends(doors.current_user(active=True))]) -> HTMLResponse:
    """The page of one who is signed in."""
    return HTMLResponse(PAGE.format(email=user.email))


@app.get("/healthz")
async def healthz() -> str:
    """Whether it serves."""
    return "ok"


async def fill(count: int) -> None:
    """Make the tables, *count* users who sign in, and sessions of as many others."""
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.drop_all)
        await conn.run_sync(Base.metadata.create_all)
    stored = helper.hash(PASSWORD)
    async with sessions() as opened:
        people = [
            User(id=uuid.uuid4(), email=f"user{n}@example.com", hashed_password=stored,
                 is_active=True, is_superuser=False, is_verified=True) for n in range(2 * count)
        ]
        opened.add_all(people)
        await opened.flush()
        tokens = [AccessToken(token=secrets.token_urlsafe(), user_id=each.id)
                  for each in people[count:]]
        opened.add_all(tokens)
        await opened.commit()
        print("\n".join(each.token for each in tokens))


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[1])))
