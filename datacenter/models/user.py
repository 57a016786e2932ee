from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person. Our own class from the start, since Django cannot change it later."""
