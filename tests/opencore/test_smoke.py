"""The smoke test finds the code of its own person, whoever else gets mail."""

from pathlib import Path

import pytest
from django.core.mail import EmailMessage

from opencore.mailing import LocalMail
from opencore.smoke.journey import code_in

CODES = {"ada@example.com": "00119308", "grace@example.com": "34680088"}


@pytest.mark.parametrize("address", CODES)
def test_of_several_mails_in_one_file_the_right_one_is_read(
    address: str, tmp_path: Path
) -> None:
    mails = [
        EmailMessage("Your sign-in code", f"It is {code}\n", to=[to])
        for to, code in CODES.items()
    ]

    LocalMail(file_path=str(tmp_path)).send_messages(mails)

    (file,) = tmp_path.iterdir()
    assert code_in(file.read_text("utf-8"), to=address) == CODES[address]


def test_who_got_no_mail_has_no_code(tmp_path: Path) -> None:
    mail = EmailMessage("Welcome", "No code, 12345678.", to=["ada@example.com"])

    LocalMail(file_path=str(tmp_path)).send_messages([mail])

    (file,) = tmp_path.iterdir()
    assert code_in(file.read_text("utf-8"), to="da@example.com") is None
