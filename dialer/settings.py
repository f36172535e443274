"""Django settings, all from the environment (names and meanings: .env.example; readers: dialer.env)."""

import re
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from dialer import env

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(env.text("STATE_DIR", str(BASE_DIR / ".state")))

DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY")
TOKEN_KEYS = env.secret("TOKEN_KEYS")
env.keys("TOKEN_KEYS")  # stops the start when one of them cannot be used
ENCRYPTION_KEYS = env.secret("ENCRYPTION_KEYS")

PORT = env.integer("PORT", default=8000)
PUBLIC_URL = env.url("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
# Given as the address of a web server it is one of sockets: http becomes ws, https wss.
PUBLIC_STREAM_URL = re.sub("^http", "ws", env.url("PUBLIC_STREAM_URL", "", schemes=("wss", "ws", "https", "http")))
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = ["*"]  # the proxy in front decides; addresses we hand out come from PUBLIC_URL, never from Host
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

EXOTEL: dict[str, Any] = {
    "api_url": env.url("EXOTEL_API_URL", default=""),
    "region": env.text("EXOTEL_REGION", "in"),
    "account_sid": env.text("EXOTEL_ACCOUNT_SID", ""),
    "api_key": env.secret("EXOTEL_API_KEY", default=""),
    "api_token": env.secret("EXOTEL_API_TOKEN", default=""),
    "caller_id": env.text("EXOTEL_CALLER_ID", ""),
    "calls_per_minute": env.integer("EXOTEL_CALLS_PER_MINUTE", default=0, minimum=0, maximum=60_000),
    "max_concurrent": env.integer("EXOTEL_MAX_CONCURRENT", default=0, minimum=0, maximum=100_000),
}
RECORDING_HOSTS = env.words("RECORDING_HOSTS", ())

BOTS = {
    "announcer": "botbridge.bots.announcer.SPEC",
    "echo": "botbridge.bots.echo.SPEC",
    "listener": "botbridge.bots.listener.SPEC",
}
SOUND = "botbridge.audio"
SPEECH = "botbridge.speech"
SPEECH_DIR = STATE_DIR / "speech"
MAX_STREAMS = env.integer("MAX_STREAMS", default=200, minimum=1)
DRAIN_SECONDS = env.integer("DRAIN_SECONDS", default=env.DRAIN_SECONDS, minimum=0)
# How many times faster than real time a far side may send audio. A real Exotel keeps real time; a pretend one on
# loopback may run its clock faster.
STREAM_RATE_FACTOR = 4 if "exotel" in (urlsplit(EXOTEL["api_url"]).hostname or "exotel") else 400

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "axes",
    "campaigns",
]
if env.boolean("ADMIN", default=False):
    INSTALLED_APPS.insert(0, "django.contrib.admin")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dialer.urls"
ASGI_APPLICATION = "dialer.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "campaigns.views.context.shell",
            ],
            "builtins": ["campaigns.templatetags.dialer"],
        },
    }
]

# The pool belongs to the web process only: a pooled connection keeps a session's advisory locks after close(),
# and would hand them to its next borrower. Workers use one plain connection a thread.
POOLED = env.boolean("DATABASE_POOL", default=False)
DATABASES = {"default": env.database_url(env.text("DATABASE_URL"))}
DATABASES["default"].update(
    {
        "CONN_MAX_AGE": 0 if POOLED else None,
        "CONN_HEALTH_CHECKS": not POOLED,
        "OPTIONS": DATABASES["default"]["OPTIONS"]
        | {
            "application_name": "dialer",
            "connect_timeout": 5,
            # jit=off: compiling takes longer than any query of ours; a page's count went from 340 ms to 20
            "options": "-c idle_in_transaction_session_timeout=30000 -c lock_timeout=15000 -c statement_timeout=60000"
            " -c jit=off",
        }
        | ({"pool": {"min_size": 2, "max_size": 12, "timeout": 10}} if POOLED else {}),
    }
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL")

AUTH_USER_MODEL = "campaigns.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a stranger's guesses must not lock the operator out elsewhere
AXES_CLIENT_IP_CALLABLE = "dialer.proxy.client_ip"
AXES_LOCKOUT_TEMPLATE = "sign_in_locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "campaigns.views.errors.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = env.boolean("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = False  # a carrier's callback must never meet a redirect (Passthru reads 302 as a branch)
APPEND_SLASH = False  # likewise: our addresses answer with and without it where the carrier calls
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}

LANGUAGE_CODE = "en-in"
TIME_ZONE = "UTC"
DISPLAY_TIME_ZONE = env.time_zone("DISPLAY_TIME_ZONE", "Asia/Kolkata")
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Only the production image collects files there; everywhere else they are served from where they are.
warnings.filterwarnings("ignore", message=r"No directory at: .*staticfiles", category=UserWarning)
# Under ASGI Django wraps each static file's iterator in a thread, and says so each time.
warnings.filterwarnings("ignore", message=r"StreamingHttpResponse must consume synchronous iterators", category=Warning)
MEDIA_ROOT = STATE_DIR / "media"
WITNESS_DIR = STATE_DIR / "witness"  # the last calls, for a database that was put back; see campaigns.witness
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100  # the page that matches columns has one each, of 1,000 at most, and some more
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", default=200 * 1024 * 1024, minimum=1)

vars().update(env.email_url(env.text("EMAIL_URL", "consolemail://")))
EMAIL_TIMEOUT = 10  # seconds: a server that hangs must not keep a worker from its tasks

CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = False  # a lost tick is free, a redelivered one is noise: the next comes within a second
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 20,
    "visibility_timeout": 3600,
    "global_keyprefix": "dialer:",
}
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_ROUTES = {"campaigns.tasks.dial_tick": {"queue": "dial"}}
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"campaigns.tasks.{name}", "schedule": seconds, "options": {"expires": expires}}
    for name, seconds, expires in (
        ("dial_tick", 1.0, 2.0),
        ("prepare_tick", 1.0, 2.0),
        ("housekeeping_tick", 2.0, 4.0),
        ("reconcile_tick", 2.0, 4.0),
        ("import_tick", 1.0, 2.0),
        ("recordings_tick", 5.0, 10.0),
        ("tidy_tick", 600.0, 60.0),
    )
}

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "dialer.redaction.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.one_of("LOG_LEVEL", LEVELS, "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},  # it logs addresses, and ours carry tokens
        "axes": {"level": "WARNING"},
        "daphne.http_protocol": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
    },
}
