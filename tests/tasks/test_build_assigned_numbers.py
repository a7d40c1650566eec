"""The tables of the Assigned Numbers RFCs, in each form that they have had since 1972."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.build_assigned_numbers import (
    ASSIGNED_NUMBERS,
    Row,
    cited,
    listed,
    listings,
    read_text,
    titles,
)

if TYPE_CHECKING:
    from pathlib import Path

SOCKETS = """
General Assignments:
        Sockets         Assignment
        0-63            Network wide standard functions
        240-255         Any experimental function

        Socket          Assignment
           1            Telnet
          19            Character Generator [e.g. TTYTST]
          67

The specifications of these functions can be found in other documents:
           3            Not in the table any more
"""

OCTAL = """
                         ASSIGNED LINK NUMBERS
      Decimal   Octal     Description                         References
      -------   -----     -----------                         ----------
      7         7         A link, and no port                        [1]

                    ASSIGNED PORT or SOCKET NUMBERS
      General Assignments:
         Decimal   Octal     Description
         -------   -----     -----------
         0-63      0-77      Network Wide Standard Function
         128-223   200-337   Reserved for Future Use

      Specific Assignments:
         Decimal   Octal     Description                      References
         -------   -----     -----------                      ----------
         Network Standard Functions
         9         11        Discard                            [32,JBP]
         33        41        Unassigned                            [JBP]
Postel                                                          [Page 8]
\f
RFC 790                                                   September 1981
                                                        Assigned Numbers
Port or Socket Numbers
         53        65        AUTODIN II FTP                     [21,EC5]
         232-234   350-352   Authorized Mailer at BBN
         121       171       A reference without a space[118,JXO]

                        ASSIGNED NETWORK NUMBERS
         Decimal   Octal     Description                      References
         10        12        ARPANET                               [JBP]
"""

KEYWORD = """
                              PORT NUMBERS
   Port Assignments:
      Decimal   Keyword   Description                         References
      -------   -------   -----------                         ----------
      0                   Reserved                                 [JBP]
      1-4                 Unassigned                               [JBP]
      5        RJE        Remote Job Entry                       [9,JBP]
      21       FTP        File Transfer [Control]               [71,JBP]
      35                  any private printer server               [JBP]
      42       NAMESERVER Host Name Server                      [74,JBP]
      61-63               A range of three                         [JBP]

                               UNIX PORTS
   Service Name   Port/Protocol   Description
   ------------   -------------   -----------
   discard         9/tcp          sink null
   exec          512/tcp          remote process execution;
                                  authentication by passwords
"""

SLASH = """
WELL KNOWN PORT NUMBERS
Keyword         Decimal    Description                     References
-------         -------    -----------                     ----------
                  0/tcp    Reserved
#                 4/tcp    Unassigned
ftp              21/tcp    File Transfer [Control]
\t                 24/tcp    any private mail system\t     [RA11]
login           513/tcp    remote login a la telnet;
#                          automatic authentication performed
#                          by privileged port numbers
x11       6000-6002/tcp    X Window System
#                          Somebody <somebody@example.org>
"""


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (SOCKETS, [Row(1, 1, "Telnet"), Row(19, 19, "Character Generator [e.g. TTYTST]")]),
        (
            OCTAL,
            [
                Row(9, 9, "Discard"),
                Row(53, 53, "AUTODIN II FTP"),
                Row(232, 234, "Authorized Mailer at BBN"),
                Row(121, 121, "A reference without a space"),
            ],
        ),
        (
            KEYWORD,
            [
                Row(5, 5, "Remote Job Entry"),
                Row(21, 21, "File Transfer [Control]"),
                Row(35, 35, "any private printer server"),
                Row(42, 42, "Host Name Server"),
                Row(61, 63, "A range of three"),
                Row(512, 512, "exec"),
            ],
        ),
        (
            SLASH,
            [
                Row(21, 21, "File Transfer [Control]"),
                Row(24, 24, "any private mail system"),
                Row(513, 513, "login"),  # whose description goes on in the next line
                Row(6000, 6002, "X Window System"),
            ],
        ),
    ],
)
def test_each_form_of_table_is_read(text: str, rows: list[Row]) -> None:
    assert list(listed(text)) == rows


def test_a_port_is_listed_each_time_that_the_words_change_and_no_other_time() -> None:
    texts = {790: OCTAL, 820: OCTAL.replace("AUTODIN II FTP", "Domain  Name Server"), 870: OCTAL}
    months = {790: "1981-09", 820: "1982-08", 870: "1983-10"}
    of_53 = [(each.rfc, each.words) for each in listings(texts, months) if each.port == 53]
    assert of_53 == [(790, "AUTODIN II FTP"), (820, "Domain Name Server")]
    of_9 = [(each.rfc, each.published) for each in listings(texts, months) if each.port == 9]
    assert of_9 == [(790, "1981-09")]


def test_titles_end_where_the_authors_begin() -> None:
    index = """
0854 Telnet Protocol Specification. J. Postel, J.K. Reynolds. May 1983.
     (Format: TXT, HTML) (Status: INTERNET STANDARD)

1002 Protocol standard for X: Detailed specifications. NetBIOS Working Group in the Y,
     Z. March 1987. (Format: TXT) (Status: INTERNET STANDARD)

7826 Real-Time Streaming Protocol Version 2.0. H. Schulzrinne, A. Rao. December 2016.
     (Format: TXT)

9999 Not Issued.
"""
    assert titles(index) == {
        854: ("Telnet Protocol Specification", "1983-05"),
        1002: ("Protocol standard for X: Detailed specifications", "1987-03"),
        7826: ("Real-Time Streaming Protocol Version 2.0", "2016-12"),
    }


def test_texts_are_found_gzipped_or_not_and_their_lack_is_said(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rfc349.txt").write_text("sockets", "utf-8")
    assert read_text(tmp_path, "rfc349.txt") == "sockets"
    with pytest.raises(FileNotFoundError, match="rfc1700"):
        read_text(tmp_path, "rfc1700.txt")
    (tmp_path / "cited.tsv").write_text("RFC854\tRFC 9110, RFC123456", "utf-8")
    assert cited([tmp_path / "cited.tsv"]) == {854, 9110}
    assert ASSIGNED_NUMBERS[0] == 349
    assert ASSIGNED_NUMBERS[-1] == 1700
