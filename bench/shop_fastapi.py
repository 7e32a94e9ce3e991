"""The same searches as most would write them: FastAPI, SQLAlchemy, uvicorn.

    SHOP_DATABASE=postgresql://… uvicorn shop_fastapi:app --port PORT
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import DateTime, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ.get("SHOP_DATABASE", "postgresql://").replace("postgresql:", "postgresql+asyncpg:"),
    pool_size=10,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """Of the tables."""


class Event(Base):
    """The table that ours fills, as an ORM sees it."""

    __tablename__ = "event"
    __table_args__ = ({"schema": "events"},)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    audience: Mapped[int]
    shown: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    starts_local: Mapped[datetime]
    ends_local: Mapped[datetime]
    first_online_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    event_id: Mapped[str]
    min_price: Mapped[float | None]
    max_price: Mapped[float | None]


class Found(BaseModel):
    """An event as search shows it."""

    id: str
    title: str | None
    start_date: str
    start_time: str
    end_date: str
    end_time: str
    min_price: float | None
    max_price: float | None


class Data(BaseModel):
    """What was found."""

    events: list[Found]


class Answer(BaseModel):
    """The answer."""

    data: Data
    error: None = None


async def session() -> Any:
    """A session for a request."""
    async with sessions() as opened:
        yield opened


@app.get("/search")
async def search(
    starts_at: datetime, ends_at: datetime, db: Annotated[AsyncSession, Depends(session)]
) -> Answer:
    """The events between two times."""
    asked = select(Event).where(
        Event.audience == 0, Event.first_online_at.is_not(None), Event.starts_at >= starts_at,
        Event.starts_at <= ends_at, Event.ends_at <= ends_at,
    ).order_by(Event.starts_at, Event.id)
    found = (await db.scalars(asked)).all()
    return Answer(data=Data(events=[
        Found(
            id=str(e.id), title=f"Noite de Fado número {e.event_id}",
            start_date=e.starts_local.date().isoformat(),
            start_time=e.starts_local.time().isoformat(),
            end_date=e.ends_local.date().isoformat(), end_time=e.ends_local.time().isoformat(),
            min_price=e.min_price, max_price=e.max_price,
        ) for e in found
    ]))
