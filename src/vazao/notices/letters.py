"""E-mail as it is written: what happened, gathered, in the reader's language; nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from vazao.kit import clock, formats
from vazao.kit.i18n import LANGUAGES, catalogue, translate
from vazao.kit.registry import NoticeType, Person
from vazao.notices.models import Mail

SHOWN = 20
"""Of what is gathered the newest are listed; all are counted."""
LABELS = {"finished": "Finished", "failed": "Failed", "cancelled": "Cancelled"}


@cache
def _templates(language: str) -> Environment:
    env = Environment(
        loader=PackageLoader("vazao.notices", "templates/mail"),
        autoescape=select_autoescape(["html"]), extensions=["jinja2.ext.i18n"],
        trim_blocks=True, lstrip_blocks=True,
    )
    install: Any = getattr(env, "install_gettext_translations")  # noqa: B009
    install(catalogue(language), newstyle=True)
    env.filters.update(formats.filters(language))
    return env


def letter(
    person: Person, mails: Sequence[Mail], types: Mapping[str, NoticeType], *, sender: str,
    domain: str, address: str,
) -> EmailMessage:
    """One e-mail that tells *person* of *mails*, which are the newest first and of known types.

    Args:
        sender: who it says it is from.
        domain: of its id.
        address: the platform's public address, for links; empty: none.
    """
    language = person.language if person.language in LANGUAGES else "pt_BR"
    counts = Counter(each.type for each in mails)
    told = {
        "name": person.name, "address": address.rstrip("/"), "total": len(mails),
        "counts": [(translate(types[name].label, language), n) for name, n in counts.items()],
        "items": [_item(each, types, language) for each in mails[:SHOWN]],
    }
    made = EmailMessage()
    made["Subject"] = _subject(mails, types, language)
    made["From"] = sender
    # The parts of an address are checked there: no name can bring a header of its own.
    made["To"] = Address(_one_line(person.name), addr_spec=person.address)
    made["Date"] = format_datetime(clock.now())
    # The same for the same contents: a double is known by it.
    key = f"{person.user_id} {sorted(each.id for each in mails)}"
    made["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    if address:
        made["List-Unsubscribe"] = f"<{address.rstrip('/')}/account/notices>"
    env = _templates(language)
    made.set_content(env.get_template("letter.txt").render(**told))
    made.add_alternative(
        env.get_template("letter.html").render(language=language, **told), subtype="html"
    )
    return made


def _subject(mails: Sequence[Mail], types: Mapping[str, NoticeType], language: str) -> str:
    if len({each.type for each in mails}) == 1:
        label = translate(types[mails[0].type].label, language)
        return f"Vazão: {label}" + (f" ({len(mails)})" if len(mails) > 1 else "")
    return "Vazão: " + translate("{count} notices", language).format(count=len(mails))


def _item(mail: Mail, types: Mapping[str, NoticeType], language: str) -> dict[str, Any]:
    status = LABELS.get(str(mail.data.get("status")), "")
    page = str(mail.data.get("page") or "")
    return {
        "label": translate(types[mail.type].label, language), "object": mail.object,
        "status": translate(status, language), "at": mail.at,
        "page": page if page.startswith("/") else "",
    }


def _one_line(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:100]
