"""Rules for a settlements document, before its money is counted."""

from great_expectations import ExpectationSuite

from expectations.common import literals, row_rule, suite
from seller_warehouse.core.report_spec import ReportSpec
from seller_warehouse.ingest.formats import normalised_amount_sql
from seller_warehouse.ingest.gate import GateContext

_UNBALANCED_REMEDY = (
    "if Seller Central shows the same total, name the settlement in accept_unbalanced_settlements of the account in accounts.yaml "
    "and drop the file again; otherwise download the settlement again, whole and unedited"
)
_REMEDY = "download the settlement again; if the file was edited or cut, undo the edit"


def build_suite(spec: ReportSpec, context: GateContext) -> ExpectationSuite:
    """The five blocks, and: a settlement has one summary row, whose total equals the sum of all its amounts to the cent.

    If the account accepts the settlement as it is, the difference is a warning.
    """
    amounts = f"coalesce(sum(try_cast({normalised_amount_sql('amount', context.decimal_mark)} as decimal(18, 4))), 0)"
    total = f"max(try_cast({normalised_amount_sql('total_amount', context.decimal_mark)} as decimal(18, 4)))"
    settlements = (
        "(select _document, settlement_id, min(_line) as _line, count(*) filter (total_amount <> '') as summary_rows, "
        "count(distinct currency_code) filter (currency_code <> '') as currencies, "
        f"cast({amounts} as varchar) as sum_of_amounts, cast({total} as varchar) as total_amount, "
        f"round({amounts}, 2) <> round({total}, 2) as differs, "
        f"cast(round({total}, 2) - round({amounts}, 2) as varchar) as difference from {{batch}} group by _document, settlement_id)"
    )
    named = context.account.accept_unbalanced_settlements
    accepted = f"settlement_id in ({literals(named)})" if named else "false"
    return suite(
        spec,
        context,
        [
            row_rule(
                "settlement_has_one_total",
                "summary_rows <> 1",
                ["settlement_id", "summary_rows"],
                "the settlement has no summary row with its total, or several",
                _REMEDY,
                lookup=settlements,
            ),
            row_rule(
                "settlement_adds_up",
                f"differs and not {accepted}",
                ["settlement_id", "sum_of_amounts", "total_amount", "difference"],
                "the amounts of the settlement do not add up to its total",
                _UNBALANCED_REMEDY,
                lookup=settlements,
            ),
            row_rule(
                "accepted_settlement_adds_up",
                f"differs and {accepted}",
                ["settlement_id", "sum_of_amounts", "total_amount", "difference"],
                "the amounts of the settlement do not add up to its total, which accounts.yaml accepts (accept_unbalanced_settlements)",
                "ask Amazon what the difference is; it belongs to no order and no reimbursement",
                "warning",
                lookup=settlements,
            ),
            row_rule(
                "settlement_has_one_currency",
                "currencies <> 1",
                ["settlement_id", "currencies"],
                "the settlement names no currency, or several",
                "compare with Seller Central",
                "warning",
                lookup=settlements,
            ),
        ],
    )
