"""The data dictionary: every table declared once.

`TABLES` maps a table's name to its declaration. Add a table in `inputs`, `gold` or `results`
(wherever its rows come from) and list it in that module's tuple. Reading files belongs in
`cxm.store`.
"""

from cxm.tables.gold import GOLD_TABLES
from cxm.tables.inputs import INPUT_TABLES
from cxm.tables.results import RESULT_TABLES
from cxm.tables.table import ForeignKey, Table

TABLES: dict[str, Table] = {t.name: t for t in (*INPUT_TABLES, *GOLD_TABLES, *RESULT_TABLES)}

__all__ = ["TABLES", "ForeignKey", "Table"]
