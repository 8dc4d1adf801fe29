"""Mail on a developer's machine: files that keep it, a line that says it came."""

import re
import sys
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend

CODE = re.compile(r"\b\d{8}\b")


class LocalMail(EmailBackend):
    """Writes each mail into a file and prints to whom it went, with its code if any."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write and say all of them; return how many."""
        written = super().send_messages(email_messages)
        for message in email_messages:
            code = CODE.search(str(message.body))
            said = f"mail to {', '.join(message.to)}: {message.subject}"
            sys.stdout.write(f"{said} {code.group()}\n" if code else f"{said}\n")
        sys.stdout.flush()
        return written or 0
