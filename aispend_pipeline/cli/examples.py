"""What `--help` shows of each command's use. A test parses every line."""

EXAMPLES = {
    "ingest": """
        aispend ingest                       # what is due: recent days, and older ones that are missing
        aispend ingest --from 2026-01-01     # a backfill up to today; run it again, and it goes on
        aispend ingest --from 2026-11-01 --to 2026-11-03 --source openai_costs
    """,
    "spend": """
        aispend spend                                      # this month, by provider and model
        aispend spend --group-by day --from 2026-11-01     # day by day, with what is missing
        aispend spend --group-by project,api_key
        aispend spend --group-by day,model --format csv > spend.csv
    """,
    "close": """
        aispend close 2026-10
        aispend close 2026-10 --invoice openai/default=1250.00 --invoice anthropic=980.40
    """,
    "recompute": """
        aispend recompute --from 2026-10-01 --to 2026-10-31 --dry-run     # what would change
        aispend recompute --from 2026-10-01 --to 2026-10-31
    """,
    "status": """
        aispend status
        aispend status > /dev/null || echo "something is not as it should be"
    """,
    "caps": """
        aispend caps
    """,
    "sql": """
        aispend sql --views
        aispend sql "SELECT day, sum(cost_usd) FROM spend_by_day GROUP BY ALL ORDER BY ALL"
        aispend sql "FROM coverage_days WHERE NOT whole" --format csv
        aispend sql - < question.sql
    """,
    "snapshot path": """
        aispend snapshot path
        aispend snapshot path | xargs -I{} cp {} figures.duckdb     # a copy that stays
    """,
    "backup": """
        aispend backup backups/2026-11-01
        aispend backup "backups/$(date +%F)"     # each day into a folder of its own
    """,
    "alerts list": """
        aispend alerts list
        aispend alerts list --status pending --all
    """,
    "alerts test": """
        aispend alerts test
        aispend alerts test --hook     # has the machine behind the hard-cap webhook act, too
    """,
    "alerts retry": """
        aispend alerts retry msg_01
    """,
    "alerts drop": """
        aispend alerts drop msg_01
    """,
    "alerts dispatch": """
        aispend alerts dispatch     # every few minutes, where aispend up does not run
    """,
    "alerts why": """
        aispend alerts why evt_01
    """,
    "config": """
        aispend config
    """,
    "doctor": """
        aispend doctor
    """,
    "demo": """
        aispend demo            # until Ctrl-C
        aispend demo --once     # only to the numbers
        aispend demo --once --scenario outage
    """,
    "up": """
        aispend up
    """,
    "serve": """
        aispend serve
        aispend serve --port 8081
    """,
}


def of(command: str) -> str:
    """The end of a command's help; its lines are kept as they are."""
    lines = [line.strip() for line in EXAMPLES[command].strip().splitlines()]
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
