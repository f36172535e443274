"""Who may sign in: added with a password that is shown once, switched off and on again. Each act is audited."""

import secrets

from django.db import IntegrityError, transaction

from campaigns import audit
from campaigns.audit import Actor
from campaigns.models import User
from campaigns.refusals import NotAllowed

PASSWORD_BYTES = 12


def add(username: str, *, first_name: str, last_name: str, manages: bool, by: Actor) -> tuple[User, str]:
    """A new user and the password, which is kept nowhere else. Raises NotAllowed if the name is taken."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username, password=password, first_name=first_name, last_name=last_name, is_staff=manages
            )
            audit.record(by, "add user", f"user:{user.pk}", username=username, manages=manages)
    except IntegrityError:
        raise NotAllowed(f"There is a user “{username}” already. Choose another name.") from None
    return user, password


def switch(user_id: int, *, on: bool, by: Actor) -> User:
    """Let somebody sign in, or no longer: open sessions end with their next request. Nobody switches themselves off."""
    if by.user and by.user.pk == user_id:
        raise NotAllowed("You cannot switch yourself off. Somebody else who manages users can.")
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        user.is_active = on
        user.save(update_fields=["is_active"])
        audit.record(by, "switch user on" if on else "switch user off", f"user:{user.pk}", username=user.username)
    return user


def want_mail(user_id: int, *, email: str, on_stall: bool, by: Actor) -> User:
    """Where one's mail goes, and whether there is any when a campaign dials nobody though it should."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        user.email, user.mail_on_stall = email, on_stall
        user.save(update_fields=["email", "mail_on_stall"])
        audit.record(by, "own mail", f"user:{user.pk}", on_stall=on_stall)
    return user


def new_password(user_id: int, *, by: Actor) -> tuple[User, str]:
    """Somebody forgot theirs: another that is shown once."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.record(by, "new password", f"user:{user.pk}", username=user.username)
    return user, password
