"""A door by the guide of django-allauth: Django's sessions in the database, gunicorn.

    python bench/door_django.py COUNT         makes so many users, and prints sessions of others
    gunicorn door_django:application          serves

``DOOR_DATABASE`` names the database; ``DOOR_HASHER=ours`` takes our parameters of argon2, else
Django's default holds. It runs in the environment of ``requirements/rivals.txt``.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings

PASSWORD = "três pratos de trigo"
PAGE = "<!doctype html><title>Home</title><p>Hello, {{ user.email }}</p>"
base = urlsplit(os.environ.get("DOOR_DATABASE", "postgresql://"))
ours = os.environ.get("DOOR_HASHER") == "ours"
settings.configure(
    SECRET_KEY="x" * 50, DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": base.path[1:], "USER": base.username,
        "PASSWORD": base.password, "HOST": dict(parse_qsl(base.query)).get("host", base.hostname),
        "PORT": dict(parse_qsl(base.query)).get("port", base.port), "CONN_MAX_AGE": 60,
    }},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "allauth", "allauth.account",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ],
    LOGIN_REDIRECT_URL="/", ALLAUTH_TRUSTED_PROXY_COUNT=1,
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    **({"PASSWORD_HASHERS": ["door_hasher.Ours"]} if ours else {}),
)
django.setup()

# Django's parts load after its settings.
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import include, path  # noqa: E402

page = engines["django"].from_string(PAGE)


@login_required
def home(request: Any) -> HttpResponse:
    """The page of one who is signed in."""
    return HttpResponse(page.render({}, request))


urlpatterns = [
    path("", home), path("healthz", lambda request: HttpResponse("ok")),
    path("accounts/", include("allauth.urls")),
]
application = get_wsgi_application()


def fill(count: int) -> None:
    """Make the tables, *count* users who sign in, and sessions of as many others."""
    from allauth.account.models import EmailAddress

    call_command("migrate", verbosity=0)
    User.objects.all().delete()
    stored = make_password(PASSWORD)
    people = User.objects.bulk_create([
        User(username=f"user{n}", email=f"user{n}@example.com", password=stored)
        for n in range(2 * count)
    ])
    EmailAddress.objects.bulk_create([
        EmailAddress(user=each, email=each.email, verified=True, primary=True) for each in people
    ])
    for each in people[count:]:
        store = SessionStore()
        store["_auth_user_id"] = str(each.pk)
        store["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
        store["_auth_user_hash"] = each.get_session_auth_hash()
        store.create()
        print(store.session_key)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
