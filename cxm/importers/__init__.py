"""Exports of other systems into our tables, bad rows set aside with their reasons.

One module per format (`FORMATS` lists them); `mapping` says what a user may ask for, `rows` and
`assemble` do it, `run` is the whole import; `inbox` and `intake` import what is dropped into a
folder. Reading and writing our own tables belongs in
`cxm.store`, what is legal in them in `cxm.tables`.
"""

from cxm.importers.formats import FORMATS
from cxm.importers.inbox import check_inbox, look
from cxm.importers.intake import Intake, Taken, take_settled
from cxm.importers.run import import_labels, import_source, import_table
from cxm.importers.summary import ImportSummary, TableSummary

__all__ = [
    "FORMATS",
    "ImportSummary",
    "Intake",
    "TableSummary",
    "Taken",
    "check_inbox",
    "import_labels",
    "import_source",
    "import_table",
    "look",
    "take_settled",
]
