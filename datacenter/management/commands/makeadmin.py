"""`manage.py makeadmin`: the first administrator, and the way back in when nobody can administer any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from datacenter.access import SHELL
from datacenter.models import User
from datacenter.people import accounts


class Command(BaseCommand):
    help = "Make an administrator with a random password, printed once, if nobody may administer yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="admin", help="what the account is called")
        parser.add_argument(
            "--rescue",
            metavar="NAME",
            default="",
            help="of an account that is there: activate it, make it an administrator, take its second factor off, "
            "and give it a random password",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["rescue"]:
                user = self._find(options["rescue"])
                self._tell(user, accounts.rescue(SHELL, user))
            elif made := accounts.first_administrator(SHELL, options["name"]):
                self._tell(*made)
            else:
                self.stderr.write("Somebody may administer already: nothing was made.")
        except accounts.Refused as exc:
            raise CommandError(str(exc)) from exc

    def _find(self, name: str) -> User:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no account {name}.")
        return user

    def _tell(self, user: User, password: str) -> None:
        self.stdout.write(f"name     {user.get_username()}")
        self.stdout.write(f"password {password}")
        self.stderr.write("The password is shown this once, and has to be changed at the first sign-in.")
