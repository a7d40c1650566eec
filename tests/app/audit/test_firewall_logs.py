"""Firewalls' logs of lines: each line is a flow, another record, or not understood."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.errors import MalformedInput
from portbook.formats.flows.detect import recognise
from portbook.formats.flows.layout import Head
from tests.app.audit.asking import ask, counts

if TYPE_CHECKING:
    from pathlib import Path


class Case(NamedTuple):
    """A log, and what an audit finds in it; ``bytes`` are those of the services together."""

    lines: str
    services: dict[tuple[str, int], int]
    refused: int = 0
    portless: int = 0
    other: int = 0
    wrong: tuple[int, ...] = ()
    bytes: int | None = None
    ends: int = 0  # lines on the end of a connection whose beginning is a flow already


UFW = """\
Jan  6 11:58:02 web kernel: [12345.678901] [UFW BLOCK] IN=eth0 OUT= MAC=00:00:5e:00:53:01 \
SRC=192.0.2.7 DST=198.51.100.5 LEN=60 TOS=0x00 PREC=0x00 TTL=50 ID=1 DF PROTO=TCP SPT=40000 DPT=22 \
WINDOW=29200 RES=0x00 SYN URGP=0
2026-01-06T11:58:03.123456+00:00 web kernel: [UFW ALLOW] IN=eth0 OUT= SRC=192.0.2.7 \
DST=198.51.100.5 LEN=60 PROTO=TCP SPT=40001 DPT=443 WINDOW=29200 RES=0x00 SYN URGP=0
Jan  6 11:58:04 web kernel: [12346.1] usb 1-1: new high-speed USB device

Jan  6 11:58:04 web kernel: Shorewall:net2fw:DROP:IN=eth0 OUT= SRC=2001:db8::1 DST=2001:db8::2 \
LEN=60 TC=0 HOPLIMIT=60 FLOWLBL=0 PROTO=UDP SPT=50000 DPT=53 LEN=40
what is that
Jan  6 11:58:05 web kernel: in IN=eth0 OUT= SRC=192.0.2.9 DST=198.51.100.5 LEN=28 PROTO=ICMP \
TYPE=3 CODE=1 [SRC=198.51.100.5 DST=192.0.2.9 LEN=60 PROTO=UDP SPT=53 DPT=53 LEN=40 ]
Jan  6 11:58:06 web kernel: seen IN= OUT=eth0 SRC=198.51.100.5 DST=192.0.2.9 LEN=60 PROTO=TCP \
SPT=8443 DPT=40002 WINDOW=1 RES=0x00 ACK SYN URGP=0
Jan  6 11:58:06 web kernel: seen IN= OUT=eth0 SRC=198.51.100.5 DST=192.0.2.9 LEN=60 PROTO=TCP
"""
# Either port may be the service's, and the packet may be cut behind its flags.
EITHER = """\
Jan  6 11:58:02 web kernel: [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.5 LEN=60 \
PROTO=UDP SPT=53 DPT=123 LEN=40
Jan  6 11:58:03 web kernel: [UFW ALLOW] IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.5 LEN=60 \
PROTO=TCP SPT=80 DPT=443 WINDOW=29200 RES=0x00 SYN
"""
CHAINS = """\
Mar 10 10:00:01 host kernel: filter_IN_public_REJECT: IN=eth0 OUT= MAC=00:11 SRC=198.51.100.7 \
DST=192.0.2.5 LEN=60 PROTO=TCP SPT=51234 DPT=8080 WINDOW=29200 RES=0x00 SYN URGP=0
Mar 10 10:00:02 host kernel: "FINAL_DROP: "IN=eth0 OUT= MAC=00:11 SRC=198.51.100.7 \
DST=192.0.2.5 LEN=60 PROTO=TCP SPT=51234 DPT=8081 WINDOW=29200 RES=0x00 SYN URGP=0
Mar 10 10:00:03 UDM kernel: [WAN_LOCAL-default-D]IN=eth8 OUT= MAC=00:11 SRC=198.51.100.7 \
DST=192.0.2.5 LEN=44 PROTO=TCP SPT=51234 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0
Mar 10 10:00:04 UDM kernel: [WAN_IN-3001-A]IN=eth8 OUT=br0 MAC=00:11 SRC=198.51.100.7 \
DST=192.0.2.5 LEN=44 PROTO=TCP SPT=51235 DPT=443 WINDOW=1024 RES=0x00 SYN URGP=0
Mar 10 10:00:05 UDM kernel: [LAN_IN-RET-4-R] IN=br0 OUT=eth8 MAC=00:11 SRC=192.0.2.7 \
DST=198.51.100.5 LEN=44 PROTO=UDP SPT=51236 DPT=53 LEN=24
"""
FILTERLOG = """\
Jan  3 20:43:31 filterlog[15121]: 8,,,1000000103,em0,match,block,in,4,0x0,,43,6291,0,none,6,tcp,44,\
198.51.100.83,192.0.2.18,56568,443,0,S,2868024203,,1024,,mss
<134>1 2026-01-03T20:43:31+00:00 fw.example filterlog 15121 - [meta sequenceId="1"] \
5,,,1000000103,igb0,match,pass,in,6,0x00,0x00000,64,udp,17,44,2001:db8::83,2001:db8::18,56568,53,36
Jan  3 20:43:32 fw filterlog: 9,,,1000000103,em0,match,pass,out,4,0x0,,64,1,0,DF,1,icmp,84,\
198.51.100.83,192.0.2.18,request,1,2
Jan  3 20:43:33 fw dhcpd: nothing of the kind
"""
ASA = """\
Jan 06 2026 11:58:02 %ASA-6-302013: Built inbound TCP connection 184 for \
outside:198.51.100.44/53521 (198.51.100.44/53521) to dmz:192.0.2.25/443 (192.0.2.25/443)
Jan 06 2026 11:58:03 fw : %ASA-6-302013: Built outbound TCP connection 185 for \
outside:198.51.100.9/40443 (198.51.100.9/40443) to inside:192.0.2.30/50000 (192.0.2.30/50000)
Jan 06 2026 11:58:09 %ASA-6-302014: Teardown TCP connection 184 for outside:198.51.100.44/53521 \
to dmz:192.0.2.25/443 duration 0:00:07 bytes 1200 TCP FINs
Jan 06 2026 11:58:09 %ASA-6-302015: Built inbound UDP connection 186 for \
outside:2001:db8::44/53522 (2001:db8::44/53522) to dmz:2001:db8::25/53 (2001:db8::25/53)
Jan 06 2026 11:58:10 %ASA-4-106023: Deny tcp src outside:198.51.100.44/40000 dst \
dmz:192.0.2.25/22 by access-group "outside_in" [0x0, 0x0]
Jan 06 2026 11:58:10 %ASA-2-106001: Inbound TCP connection denied from 198.51.100.44/40001 to \
192.0.2.25/23 flags SYN on interface outside
Jan 06 2026 11:58:10 %ASA-6-106100: access-list out permitted udp \
inside/192.0.2.30(40002) -> outside/198.51.100.9(123) hit-cnt 1 first hit [0x0, 0x0]
Jan 06 2026 11:58:10 %ASA-3-710003: TCP access denied by ACL from 198.51.100.44/40003 to \
outside:192.0.2.1/443
Jan 06 2026 11:58:10 %ASA-6-305011: Built dynamic TCP translation from inside:192.0.2.30/40002 to \
outside:198.51.100.1/40002
Jan 06 2026 11:58:10 %ASA-6-605005: Login permitted from 192.0.2.30/40004 to inside:192.0.2.1/ssh \
for user "admin"
Jan  6 11:58:11 gw 45: %SEC-6-IPACCESSLOGP: list 101 denied tcp 198.51.100.44(40005) -> \
192.0.2.25(3389), 2 packets
nothing of Cisco's
"""
TORN = """\
%ASA-6-302014: Teardown TCP connection 184 for outside:198.51.100.44/53521 to dmz:192.0.2.25/443 \
duration 0:00:07 bytes 1200 TCP FINs
%ASA-6-302014: Teardown TCP connection 185 for outside:198.51.100.44/53522 to dmz:192.0.2.25/25 \
duration 0:00:30 bytes 0 SYN Timeout
"""
PAN = """\
Jan  6 11:58:10 fw 1,2026/01/06 11:58:10,001901000000,TRAFFIC,end,2305,2026/01/06 11:58:09,\
192.0.2.30,198.51.100.9,0.0.0.0,0.0.0.0,"web, out",,,ssl,vsys1,trust,untrust,ethernet1/2,\
ethernet1/1,fwd,2026/01/06 11:58:10,17754,1,50000,443,0,0,0x19,tcp,allow,5300,1300,4000,21,\
2026/01/06 11:58:00,9,any
Jan  6 11:58:11 fw 1,2026/01/06 11:58:11,001901000000,TRAFFIC,deny,2305,2026/01/06 11:58:11,\
192.0.2.31,198.51.100.9,0.0.0.0,0.0.0.0,no telnet,,,not-applicable,vsys1,trust,untrust,e1,e2,fwd,\
2026/01/06 11:58:11,0,1,50001,23,0,0,0x0,tcp,deny,60,60,0,1,2026/01/06 11:58:11,0,any
Jan  6 11:58:12 fw 1,2026/01/06 11:58:12,001901000000,SYSTEM,general,0,2026/01/06 11:58:12,,general
1,2026/01/06 11:58:13,001901000000,TRAFFIC,end,2305,2026/01/06 11:58:13,192.0.2.31,cut off
"""
FORTIGATE = """\
date=2026-01-06 time=11:58:02 devname="fw" devid="FGT60F0000000000" logid="0000000013" \
type="traffic" subtype="forward" level="notice" vd="root" eventtime=1767700682000000000 \
srcip=192.0.2.30 srcport=50000 srcintf="lan" dstip=198.51.100.9 dstport=443 dstintf="wan1" \
sessionid=1 proto=6 action="close" policyid=1 service="HTTPS" duration=9 sentbyte=1300 \
rcvdbyte=4000 sentpkt=10 rcvdpkt=11
<189>date=2026-01-06 time=11:58:03 devname=fw devid=FGT60F0000000000 type=traffic srcip=192.0.2.30 \
srcport=50001 dstip=198.51.100.9 dstport=23 proto=6 action=deny policyid=0 service=TELNET \
sentbyte=0 rcvdbyte=0
date=2026-01-06 time=11:58:04 devid="FGT60F0000000000" type="event" subtype="system" msg="x"
date=2026-01-06 time=11:58:05 devid="F" type="traffic" srcip=192.0.2.30 dstip=198.51.100.9 proto=1 \
action="accept" sentbyte=60 rcvdbyte=60
not a line of it
"""
CEF = """\
Jan  6 11:58:02 fw CEF:0|Example|Firewall|1.0|100|connection|3|src=192.0.2.30 spt=50000 \
dst=198.51.100.9 dpt=443 proto=TCP act=Accept in=4000 out=1300
Jan  6 11:58:02 fw CEF:0|Example|Firewall|1.0|101|Drop|5|act=Drop src=192.0.2.30 spt=50001 \
dst=198.51.100.9 dpt=23 proto=6
Jan  6 11:58:02 fw CEF:0|Example|Firewall|1.0|200|login|3|suser=admin outcome=success
"""
SONICWALL = """\
<134>id=firewall sn=000000000000 time="2026-01-06 11:58:02" fw=192.0.2.1 pri=6 c=1024 m=537 \
msg="Connection Closed" n=1 src=192.0.2.30:50000:X0 dst=198.51.100.9:443:X1 proto=tcp/https \
sent=1300 rcvd=4000
<134>id=firewall sn=000000000000 time="2026-01-06 11:58:03" fw=192.0.2.1 pri=6 c=64 m=36 \
msg="TCP connection dropped" n=11 src=203.0.113.9:44321:X1 dst=192.0.2.5:23:X0 proto=tcp/telnet
<134>id=firewall sn=000000000000 time="2026-01-06 11:58:04" fw=192.0.2.1 pri=6 c=64 m=38 \
msg="UDP packet dropped" n=12 src=203.0.113.9:44321:X1 dst=192.0.2.5:53:X0 proto=udp/dns \
fw_action="NA"
"""
WINDOWS = """\
#Version: 1.5
#Software: Microsoft Windows Firewall
#Time Format: Local
#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack \
tcpwin icmptype icmpcode info path pid

2026-01-06 11:58:02 ALLOW TCP 192.0.2.30 198.51.100.9 50000 443 0 - 0 0 0 - - - SEND 812
2026-01-06 11:58:03 DROP TCP 203.0.113.9 192.0.2.20 44321 3389 52 S 1 0 8192 - - - RECEIVE 4
2026-01-06 11:58:04 OPEN UDP 192.0.2.30 192.0.2.1 40011 53 - - - - - - - - -
2026-01-06 11:58:05 CLOSE UDP 192.0.2.30 192.0.2.1 40011 53 - - - - - - - - -
2026-01-06 11:58:06 ALLOW ICMP fe80::1 ff02::16 - - 0 - - - - 143 0 - SEND 4
2026-01-06 11:58:07 ALLOW 2 192.0.2.30 224.0.0.22 - - 0 - - - - - - - SEND 4
2026-01-06 11:58:08 INFO-EVENTS-LOST - - - - - - - - - - - - 7 -
2026-01-06 11:58:09 ALLOW TCP 192.0.2.30 198.51.100.9 50000 x 0 - 0 0 0 - - - SEND 812
"""
STORMSHIELD = """\
id=firewall time="2026-01-06 11:58:02" fw="SN210" ruleid=4 ipproto=tcp proto=https src=192.0.2.30 \
srcport=50000 dst=198.51.100.9 dstport=443 action=pass sent=1300 rcvd=4000 logtype="connection"
id=firewall time="2026-01-06 11:58:03" fw="SN210" ruleid=5 ipproto=tcp proto=telnet \
src=203.0.113.9 srcport=44321 dst=192.0.2.5 dstport=23 action=block logtype="filter"
"""
HUAWEI = """\
Jan  6 2026 11:58:02 USG %%01POLICY/6/POLICYPERMIT(l):vsys=public, protocol=6, \
source-ip=192.0.2.30, source-port=50000, destination-ip=198.51.100.9, destination-port=443, \
source-zone=trust, rule-name=out.
Jan  6 2026 11:58:03 USG %%01POLICY/6/POLICYDENY(l):vsys=public, protocol=6, \
source-ip=203.0.113.9, source-port=44321, destination-ip=192.0.2.5, destination-port=23, \
source-zone=untrust, rule-name=default.
"""
JUNIPER = """\
<14>1 2026-01-06T11:58:02.000Z srx RT_FLOW - RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.26 \
source-address="192.0.2.30" source-port="50000" destination-address="198.51.100.9" \
destination-port="23" service-name="junos-telnet" protocol-id="6"]
"""
SOPHOS = """\
device="SFW" date=2026-01-06 time=11:58:02 timezone="UTC" device_name="XG125w" device_id=S1 \
log_id=010101600001 log_type="Firewall" log_component="Firewall Rule" log_subtype="Allowed" \
status="Allow" priority=Information duration=10 fw_rule_id=2 src_mac=02:00:00:00:00:01 \
src_ip=198.51.100.44 src_country_code=R1 dst_ip=192.0.2.25 protocol="TCP" src_port=53521 \
dst_port=443 sent_pkts=10 recv_pkts=12 sent_bytes=1200 recv_bytes=4100 connevent="Stop" connid="1"
<30>device="SFW" date=2026-01-06 time=11:58:03 device_name="XG125w" log_id=010102600002 \
log_type="Firewall" log_component="Firewall Rule" log_subtype="Denied" status="Deny" \
priority=Information src_ip=198.51.100.44 dst_ip=192.0.2.25 protocol="TCP" src_port=53522 \
dst_port=22 sent_pkts=0 recv_pkts=0 sent_bytes=0 recv_bytes=0
device="SFW" date=2026-01-06 time=11:58:04 device_name="XG125w" log_id=062910617701 \
log_type="Event" log_component="GUI" log_subtype="Admin" status="Successful" user_name="admin" \
src_ip=192.0.2.9
"""
CHECK_POINT = """\
<134>1 2026-01-06T11:58:02Z gw.example CheckPoint 13752 - [action:"Accept"; flags:"411908"; \
ifdir:"inbound"; ifname:"eth0"; loguid:"{0x0,0x0,0x0,0x0}"; origin:"192.0.2.1"; \
time:"1767700682"; version:"1"; dst:"192.0.2.25"; proto:"6"; s_port:"53521"; service:"443"; \
src:"198.51.100.44"]
<134>1 2026-01-06T11:58:03Z gw.example CheckPoint 13752 - [action:"Drop"; flags:"411908"; \
origin:"192.0.2.1"; time:"1767700683"; dst:"192.0.2.25"; proto:"6"; s_port:"53522"; \
service:"22"; src:"198.51.100.44"]
<134>1 2026-01-06T11:58:04Z gw.example CheckPoint 13752 - [action:"Log In"; origin:"192.0.2.1"; \
product:"SmartConsole"]
"""
LEEF = """\
<14>Jan  6 11:58:02 fw LEEF:1.0|Palo Alto Networks|PAN-OS Syslog \
Integration|8.1|allow|cat=TRAFFIC|src=198.51.100.44|dst=192.0.2.25|srcPort=53521|dstPort=443|pro\
to=tcp|action=allow|srcBytes=1200|dstBytes=4100|srcPackets=10|dstPackets=12
<14>Jan  6 11:58:03 fw \
LEEF:2.0|Example|Firewall|1.0|deny|^|devTime=1767700683^src=198.51.100.44^dst=192.0.2.25^proto=T\
CP^srcPort=53522^dstPort=22^action=deny
Jan  6 11:58:04 fw LEEF:1.0|Example|Firewall|1.0|login|usrName=admin\tsrc=192.0.2.9
Jan  6 11:58:02 fw LEEF:1.0|Example|Firewall|1.0|accept|src=198.51.100.44\tdst=192.0.2.25\t\
proto=6\tsrcPort=53521\tdstPort=443\taction=accept
"""
VENDORS = """\
CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|https|Unknown|act=Accept deviceDirection=0 \
rt=1767700682000 spt=53521 dpt=443 src=198.51.100.44 dst=192.0.2.25 proto=6 out=1200 in=4100
CEF:0|Palo Alto Networks|PAN-OS|10.1|deny|TRAFFIC|1|rt=Jan 06 2026 11:58:03 src=198.51.100.44 \
dst=192.0.2.25 spt=53522 dpt=22 proto=tcp act=deny in=0 out=74
CEF:0|Trend Micro|Deep Security Agent|20.0|20|Log for TCP Port 80|0|cn1=1 act=Deny \
dmac=02:00:00:00:00:01 TrendMicroDsFrameType=IP src=198.51.100.44 dst=192.0.2.25 in=60 proto=TCP \
spt=53523 dpt=80
"""
MERAKI = """\
<134>1 1767700682.123456 MX84 flows src=192.0.2.30 dst=198.51.100.9 mac=02:00:00:00:00:01 \
protocol=tcp sport=50000 dport=443 pattern: allow all
<134>1 1767700683.123456 MX84 flows src=192.0.2.30 dst=198.51.100.9 mac=02:00:00:00:00:01 \
protocol=udp sport=50000 dport=161 pattern: deny all
<134>1 1767700684.123456 MX84 flows deny src=192.0.2.30 dst=198.51.100.9 protocol=tcp \
sport=50000 dport=23
<134>1 1767700684.123456 MX84 firewall src=192.0.2.30 dst=198.51.100.9 protocol=tcp \
sport=50000 dport=25 pattern: deny dst 198.51.100.9
"""
IN_JSON = (
    (
        'date=2026-03-01 time=10:00:01 devname="fw" devid="FGT60F" srcip=198.51.100.7 '
        'srcport=51234 dstip=192.0.2.5 dstport=443 proto=6 action="close" sentbyte=1300 '
        "rcvdbyte=4000"
    ),
    (
        'date=2026-03-01 time=10:00:02 devname="fw" devid="FGT60F" srcip="198.51.100.7" '
        'srcport=51235 dstip="192.0.2.5" dstport=22 proto=6 action="deny"'
    ),
)
CASES = {
    "meraki": Case(MERAKI, {("tcp", 443): 1}, refused=3),
    "netfilter": Case(
        UFW, {("tcp", 443): 1, ("tcp", 8443): 1}, refused=2, portless=1, other=1, wrong=(6, 9)
    ),
    "either": Case(EITHER, {("tcp", 443): 1}, refused=1),
    "chains": Case(CHAINS, {("tcp", 443): 1}, refused=4),
    "filterlog": Case(FILTERLOG, {("udp", 53): 1}, refused=1, portless=1, other=1),
    "cisco": Case(
        ASA,
        {("tcp", 443): 1, ("tcp", 40443): 1, ("udp", 53): 1, ("udp", 123): 1},
        refused=4,  # two packets of one flow
        other=2,
        wrong=(12,),
        bytes=1200,
        ends=1,
    ),
    "cisco-ends": Case(TORN, {("tcp", 443): 1}, refused=1, bytes=1200),
    "pan-os": Case(PAN, {("tcp", 443): 1}, refused=1, other=1, wrong=(4,), bytes=5300),
    "fortigate": Case(
        FORTIGATE, {("tcp", 443): 1}, refused=1, portless=1, other=1, wrong=(5,), bytes=5300
    ),
    "cef": Case(CEF, {("tcp", 443): 1}, refused=1, other=1, bytes=5300),
    "sonicwall": Case(SONICWALL, {("tcp", 443): 1}, refused=2, bytes=5300),
    # The size that it has of a connection, 0, is none.
    "windows": Case(
        WINDOWS,
        {("tcp", 443): 1, ("udp", 53): 1},
        refused=1,
        portless=2,
        other=2,
        wrong=(13,),
        bytes=None,
        ends=4,
    ),
    "stormshield": Case(STORMSHIELD, {("tcp", 443): 1}, refused=1, bytes=5300),
    "huawei": Case(HUAWEI, {("tcp", 443): 1}, refused=1, bytes=None),
    "juniper": Case(JUNIPER, {}, refused=1),
    "sophos": Case(SOPHOS, {("tcp", 443): 1}, refused=1, other=1, bytes=5300),
    # What it doesn't tell is unknown, and not 0.
    "check-point": Case(CHECK_POINT, {("tcp", 443): 1}, refused=1, other=1, bytes=None),
    "leef": Case(LEEF, {("tcp", 443): 2}, refused=1, other=1, bytes=5300),
    # What a syslog server wrote of several firewalls into one file.
    "netfilter and filterlog": Case(
        UFW + FILTERLOG,
        {("tcp", 443): 1, ("tcp", 8443): 1, ("udp", 53): 1},
        refused=3,
        portless=2,
        other=2,
        wrong=(6, 9),
    ),
    "filterlog and netfilter": Case(
        FILTERLOG + CHAINS,
        {("tcp", 443): 1, ("udp", 53): 1},
        refused=5,
        portless=1,
        other=1,
    ),
    "filterlog and others": Case(
        FILTERLOG + PAN + FORTIGATE,
        {("tcp", 443): 2, ("udp", 53): 1},
        refused=3,
        portless=2,
        other=3,
        wrong=(4 + len(FILTERLOG.splitlines()), 5 + len((FILTERLOG + PAN).splitlines())),
        bytes=10600,
    ),
    "fortigate-in-json": Case(
        "".join(f"{json.dumps({'host': 'fw', 'message': line})}\n" for line in IN_JSON),
        {("tcp", 443): 1},
        refused=1,
        bytes=5300,
    ),
    "cef-of-three": Case(VENDORS, {("tcp", 443): 1}, refused=2, bytes=5300),
}


@pytest.mark.parametrize("name", CASES)
def test_a_line_is_a_flow_or_another_record_or_a_fault(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "fw.log"
    path.write_text(case.lines)
    answer = ask(path)
    assert counts(answer) == case.services
    assert answer.unanswered.flows == case.refused
    assert answer.portless.flows == case.portless
    assert answer.other_records == case.other
    assert tuple(sorted(each.row or 0 for each in answer.faults)) == case.wrong
    lines = sum(bool(line.strip()) for line in case.lines.splitlines())
    told = answer.unanswered.flows + answer.portless.flows + answer.other_records
    assert sum(counts(answer).values()) + told + len(case.wrong) + case.ends == lines
    if case.services:
        assert answer.total.bytes == case.bytes


@pytest.mark.parametrize("text", ["src=192.0.2.1 dst=192.0.2.2", "PROTO=TCP", "%LINK-3-UPDOWN: x"])
def test_prose_that_quotes_a_log_is_none(text: str) -> None:
    assert recognise(Head("notes.txt", (text,))) is None


_LOGIN = "Jan  6 11:57:02 web sshd[812]: Accepted publickey for root from 192.0.2.7\n"


@pytest.mark.parametrize("packed", [False, True])
def test_what_stands_behind_many_other_lines_is_read_as_its_own_log(
    packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / ("syslog.gz" if packed else "syslog")
    # Each kind is far behind the first lines, the last two behind more than a piece of the file.
    text = _LOGIN * 200 + CHAINS + _LOGIN * 20_000 + FILTERLOG + PAN
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 2, ("udp", 53): 1}
    assert answer.unanswered.flows == 6
    assert answer.portless.flows == 1
    assert answer.total.bytes == CASES["pan-os"].bytes


def test_a_connection_counts_once_where_the_first_lines_tell_only_of_ends(tmp_path: Path) -> None:
    end = (
        "Jan 06 2026 11:58:09 %ASA-6-302014: Teardown TCP connection {0} for "
        "outside:198.51.100.44/53521 to dmz:192.0.2.25/443 duration 0:00:01 bytes 10 TCP FINs\n"
    )
    built = (
        "Jan 06 2026 11:58:02 %ASA-6-302013: Built inbound TCP connection {0} for "
        "outside:198.51.100.44/53521 (198.51.100.44/53521) to dmz:192.0.2.25/443 (192.0.2.25/443)\n"
    )
    path = tmp_path / "asa.log"
    path.write_text(
        "".join(map(end.format, range(100))) + "".join(map(built.format, range(100, 140)))
    )
    assert counts(ask(path)) == {("tcp", 443): 40}


def test_a_log_of_one_kind_and_what_is_no_log_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text(_LOGIN * 300)
    with pytest.raises(MalformedInput):
        ask(path)
    path.write_text(CHAINS * 100)
    assert [each.format for each in ask(path).inputs] == ["netfilter log"]
