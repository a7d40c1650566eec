from portbook.app.audit.call import audit as audit
from portbook.app.audit.result import AuditAnswer as AuditAnswer
from portbook.app.bind.diagnose import Why as Why
from portbook.app.doctor import Checkup as Checkup
from portbook.app.explain import ExplainAnswer as ExplainAnswer
from portbook.app.history import Chronicle as Chronicle
from portbook.app.kept_registries import compare_registries as compare_registries
from portbook.app.kept_registries import registries as registries
from portbook.app.kept_registries import roll_back as roll_back
from portbook.app.kept_registries import update as update
from portbook.app.library import adopt as adopt
from portbook.app.library import blocks as blocks
from portbook.app.library import distrust as distrust
from portbook.app.library import doctor as doctor
from portbook.app.library import explain as explain
from portbook.app.library import history as history
from portbook.app.library import listen as listen
from portbook.app.library import lookup as lookup
from portbook.app.library import note as note
from portbook.app.library import notes as notes
from portbook.app.library import pick as pick
from portbook.app.library import plan_stop as plan_stop
from portbook.app.library import reach as reach
from portbook.app.library import reserve as reserve
from portbook.app.library import search as search
from portbook.app.library import stats as stats
from portbook.app.library import stop as stop
from portbook.app.library import topic as topic
from portbook.app.library import trust as trust
from portbook.app.library import wait as wait
from portbook.app.library import watch as watch
from portbook.app.library import why as why
from portbook.app.list_lookup import RangeAnswer as RangeAnswer
from portbook.app.list_lookup import ServiceAnswer as ServiceAnswer
from portbook.app.listen import HereAnswer as HereAnswer
from portbook.app.listen import ScanOptions as ScanOptions
from portbook.app.notes import NotesInForce as NotesInForce
from portbook.app.notes import Written as Written
from portbook.app.pick.criteria import Pick as Pick
from portbook.app.pick.criteria import Wanted as Wanted
from portbook.app.port_lookup import PortAnswer as PortAnswer
from portbook.app.reach import ReachReport as ReachReport
from portbook.app.reach import ReachRequest as ReachRequest
from portbook.app.search import SearchAnswer as SearchAnswer
from portbook.app.socket_filter import Filter as Filter
from portbook.app.stop.executor import Outcome as StopOutcome
from portbook.app.stop.executor import Way as Way
from portbook.app.stop.model import Named as Named
from portbook.app.stop.model import Plan as Plan
from portbook.app.topics import Topic as Topic
from portbook.app.topics import TopicAnswer as TopicAnswer
from portbook.app.update import Outcome as UpdateOutcome
from portbook.app.update import Request as UpdateRequest
from portbook.app.wait import Waited as Waited
from portbook.app.wait import WaitRequest as WaitRequest
from portbook.app.watch import Event as Event
from portbook.app.watch import Watch as Watch
from portbook.catalog import Catalog as Catalog
from portbook.catalog.expectations.lookup import NotesFile as NotesFile
from portbook.catalog.registry.stats import Stats as Stats
from portbook.catalog.update.install import Version as RegistryVersion
from portbook.errors import PortbookError as PortbookError
from portbook.formats.errors.query import Query as Query
from portbook.formats.errors.query import parse_query as parse_query
from portbook.host.port_reservation import Reservation as Reservation
from portbook.host.reader import read_host as read_host
from portbook.model import Assessment as Assessment
from portbook.model import Assignment as Assignment
from portbook.model import Block as Block
from portbook.model import Evidence as Evidence
from portbook.model import EvidenceCode as EvidenceCode
from portbook.model import ExecutablePlace as ExecutablePlace
from portbook.model import FilterKind as FilterKind
from portbook.model import Finding as Finding
from portbook.model import Gap as Gap
from portbook.model import GapCode as GapCode
from portbook.model import Host as Host
from portbook.model import Level as Level
from portbook.model import Listener as Listener
from portbook.model import Need as Need
from portbook.model import Note as Note
from portbook.model import NotEvaluated as NotEvaluated
from portbook.model import OwnerSearch as OwnerSearch
from portbook.model import Ownership as Ownership
from portbook.model import OwnersSeen as OwnersSeen
from portbook.model import PortRange as PortRange
from portbook.model import PortRules as PortRules
from portbook.model import Process as Process
from portbook.model import Reach as Reach
from portbook.model import Reachable as Reachable
from portbook.model import Report as Report
from portbook.model import Scope as Scope
from portbook.model import Socket as Socket
from portbook.model import Source as Source
from portbook.model import Spoken as Spoken
from portbook.model import SpokenState as SpokenState
from portbook.model import Standing as Standing
from portbook.model import State as State
from portbook.model import Subject as Subject
from portbook.model import SubjectKind as SubjectKind
from portbook.model import Transport as Transport
from portbook.model import Use as Use
from portbook.model import Visibility as Visibility
from portbook.present.phrases.findings import finding_message as finding_message

__version__: str
__all__ = [
    "Assessment",
    "Assignment",
    "AuditAnswer",
    "Block",
    "Catalog",
    "Checkup",
    "Chronicle",
    "Event",
    "Evidence",
    "EvidenceCode",
    "ExecutablePlace",
    "ExplainAnswer",
    "Filter",
    "FilterKind",
    "Finding",
    "Gap",
    "GapCode",
    "HereAnswer",
    "Host",
    "Level",
    "Listener",
    "Named",
    "Need",
    "NotEvaluated",
    "Note",
    "NotesFile",
    "NotesInForce",
    "OwnerSearch",
    "OwnersSeen",
    "Ownership",
    "Pick",
    "Plan",
    "PortAnswer",
    "PortRange",
    "PortRules",
    "PortbookError",
    "Process",
    "Query",
    "RangeAnswer",
    "Reach",
    "ReachReport",
    "ReachRequest",
    "Reachable",
    "RegistryVersion",
    "Report",
    "Reservation",
    "ScanOptions",
    "Scope",
    "SearchAnswer",
    "ServiceAnswer",
    "Socket",
    "Source",
    "Spoken",
    "SpokenState",
    "Standing",
    "State",
    "Stats",
    "StopOutcome",
    "Subject",
    "SubjectKind",
    "Topic",
    "TopicAnswer",
    "Transport",
    "UpdateOutcome",
    "UpdateRequest",
    "Use",
    "Visibility",
    "WaitRequest",
    "Waited",
    "Wanted",
    "Watch",
    "Way",
    "Why",
    "Written",
    "__version__",
    "adopt",
    "audit",
    "blocks",
    "compare_registries",
    "distrust",
    "doctor",
    "explain",
    "finding_message",
    "history",
    "listen",
    "lookup",
    "note",
    "notes",
    "parse_query",
    "pick",
    "plan_stop",
    "reach",
    "read_host",
    "registries",
    "reserve",
    "roll_back",
    "search",
    "stats",
    "stop",
    "topic",
    "trust",
    "update",
    "wait",
    "watch",
    "why",
]
