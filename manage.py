#!/usr/bin/env python
"""Django's command line for Godwit."""

import os
import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["up"]:  # the supervisor stays small and starts at once: it does without Django
        from datacenter.management.up import main

        sys.exit(main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datacenter.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
