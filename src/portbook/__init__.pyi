from portbook.app.bind.explain_bind import why_bind as why_bind
from portbook.catalog.registry.lookup import lookup as lookup
from portbook.catalog.registry.lookup import standing as standing
from portbook.errors import PortbookError as PortbookError
from portbook.formats.errors.query import parse_query as parse_query
from portbook.host.reader import read_host as read_host
from portbook.model import Assessment as Assessment
from portbook.model import Assignment as Assignment
from portbook.model import Block as Block
from portbook.model import Finding as Finding
from portbook.model import Gap as Gap
from portbook.model import GapCode as GapCode
from portbook.model import Host as Host
from portbook.model import Level as Level
from portbook.model import Listener as Listener
from portbook.model import Need as Need
from portbook.model import Ownership as Ownership
from portbook.model import OwnersSeen as OwnersSeen
from portbook.model import PortRange as PortRange
from portbook.model import Process as Process
from portbook.model import Socket as Socket
from portbook.model import State as State
from portbook.model import Transport as Transport
from portbook.model import Use as Use
from portbook.model import Visibility as Visibility

__version__: str
