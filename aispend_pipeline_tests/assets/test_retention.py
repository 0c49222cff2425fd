"""`retention`: what a run of it deletes, and that what Dagster shows as filled stays filled."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import select

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.old_runs import prune
from aispend_pipeline.assets.retention import retention_job, shorten
from aispend_pipeline.assets.spend import REMADE, SPEND, SPEND_DAILY, USAGE
from aispend_pipeline.assets.tags import CODE_LOCATION, LANE, MODULE, ours, range_tags
from aispend_pipeline.definitions import defs
from aispend_pipeline.due import Due
from aispend_pipeline.model import Window
from aispend_pipeline.warehouse import Snapshots

from .conftest import LOOK_BACK, NOW, RAW, World, check, days_made, ingest, ingest_without_dagster

FILLED = dg.AssetKey("filled")
HERE = {CODE_LOCATION: "a-name-of-ones-own"}
OURS = ours(HERE)


@dg.asset(
    key=FILLED,
    partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("sound", asset=FILLED)],
)
def filled(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    if "fail" in context.run.tags:
        raise dg.Failure("as asked", allow_retries=False)
    yield dg.AssetCheckResult(passed=True, check_name="sound")
    yield dg.MaterializeResult()


@dg.asset_check(asset=FILLED)
def seldom() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


small = dg.Definitions(
    assets=[filled],
    asset_checks=[seldom],
    jobs=[
        dg.define_asset_job("fill", selection=dg.AssetSelection.assets(filled) - dg.AssetSelection.checks(seldom)),
        dg.define_asset_job("look", selection=dg.AssetSelection.checks(seldom)),
    ],
)


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def look(instance) -> str:
    return small.resolve_job_def("look").execute_in_process(instance=instance, tags=HERE).run_id


def fill(instance, first: int, last: int, **tags: str) -> str:
    """The run that made these days of January, or failed to."""
    window = range_tags(Window(date(2026, 1, first), date(2026, 1, last)))
    job = small.resolve_job_def("fill")
    return job.execute_in_process(instance=instance, tags={**HERE, **window, **tags}, raise_on_error=False).run_id


def in_a_minute() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.long
def test_runs_go_by_what_they_hold(instance):
    looked = look(instance)
    replaced, first_three = fill(instance, 4, 5), fill(instance, 1, 3)
    last_three, of_one_day = fill(instance, 3, 5), fill(instance, 3, 3)
    failed = fill(instance, 1, 5, fail="yes")
    under_way = instance.create_run_for_job(small.resolve_job_def("fill"), status=dg.DagsterRunStatus.STARTED).run_id
    days = days_made(instance, FILLED)
    assert len(days) == 5

    assert prune(instance, in_a_minute(), OURS) == 2

    assert set(instance.get_run_ids()) == {looked, first_three, last_three, of_one_day, under_way}
    assert days_made(instance, FILLED) == days
    assert check(instance, FILLED, "seldom").passed
    gone = {replaced, failed}
    assert not [
        file for file in Path(instance.root_directory).rglob("*") if any(run_id in str(file) for run_id in gone)
    ]
    with instance.event_log_storage.index_connection() as connection:
        checked = set(connection.execute(select(AssetCheckExecutionsTable.c.run_id)).scalars())
    assert checked == {looked, first_three, last_three, of_one_day, under_way}
    assert prune(instance, in_a_minute(), OURS) == 0


def test_what_a_run_left_when_it_was_half_deleted_goes_too(instance):
    run_id = fill(instance, 1, 1)
    fill(instance, 1, 1)
    instance.delete_run(run_id)
    assert any(run_id in str(file) for file in Path(instance.root_directory).rglob("*"))

    prune(instance, datetime.now(UTC) - timedelta(days=1), OURS)

    assert not any(run_id in str(file) for file in Path(instance.root_directory).rglob("*"))
    assert days_made(instance, FILLED) == {"2026-01-01"}


@pytest.mark.long
def test_young_runs_stay_and_so_does_what_there_was_no_time_for(instance):
    run_ids = {fill(instance, 1, 1) for _ in range(2)}

    assert prune(instance, datetime.now(UTC) - timedelta(days=7), OURS) == 0
    assert prune(instance, in_a_minute(), OURS, more=lambda: False) == 0
    assert set(instance.get_run_ids()) == run_ids


@pytest.mark.long
def test_runs_of_others_on_the_same_instance_stay(instance):
    others = {fill(instance, 1, 1, **{CODE_LOCATION: "theirs"}) for _ in range(2)}
    by_command = fill(instance, 1, 1, **{CODE_LOCATION: MODULE})
    launched = [fill(instance, 1, 1) for _ in range(2)]

    assert prune(instance, in_a_minute(), OURS) == 2
    assert set(instance.get_run_ids()) == {*others, launched[-1]}
    assert by_command not in instance.get_run_ids()


def retain(world: World) -> dict[str, object]:
    """What a run of the job noted, by itself and, of pages that went, on their assets."""
    result = retention_job.execute_in_process(
        instance=world.instance, resources={"installation": world.installation}, raise_on_error=False
    )
    assert result.success
    [output] = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_OUTPUT]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def expired_pages(world: World) -> dict[str, int]:
    found = {}
    for name, key in RAW.items():
        for record in world.instance.fetch_observations(key, limit=1).records:
            found[name] = record.asset_observation.metadata["expired pages"].value
    return found


def sums(world: World) -> list:
    with Snapshots(world.home).current()[1] as cursor:
        return cursor.execute("FROM spend_daily ORDER BY ALL").fetchall()


@pytest.mark.long
def test_after_ninety_days_pages_and_runs_are_gone_and_everything_stays_filled(after_a_tick):
    world, keys = after_a_tick, [*RAW.values(), SPEND, USAGE, SPEND_DAILY]
    figures, days = sums(world), {key: days_made(world.instance, key) for key in keys}
    world.clock.at = max(NOW, datetime.now(UTC)) + timedelta(days=91)  # Dagster has its own clock

    noted = retain(world)

    assert noted["pages"] == sum(expired_pages(world).values())
    assert {"openai_costs", "openai_usage", "anthropic_costs", "anthropic_usage"} <= set(expired_pages(world))
    assert 0 < noted["bodies"] <= noted["pages"]
    assert (noted["runs"], noted["compacted"]) == (1, False)  # the sums of one provider, which the other's replaced
    assert noted["bytes after"] > 0
    assert noted["seconds"] >= 0
    assert sums(world) == figures
    assert {key: days_made(world.instance, key) for key in keys} == days

    keys = [SPEND, USAGE, SPEND_DAILY]
    recomputed = in_process.run_here(world.instance, world.installation, "recompute", keys, range_tags(LOOK_BACK))
    assert recomputed.errors == []
    refused = check(world.instance, SPEND, REMADE)
    assert not refused.passed
    assert all("its pages have expired" in one for one in refused.metadata["rows kept"].value)
    assert sums(world) == figures


@pytest.mark.long
def test_days_whose_pages_have_expired_are_read_again_like_any_other(after_a_tick):
    world = after_a_tick
    world.clock.at = max(NOW, datetime.now(UTC)) + timedelta(days=91)
    retain(world)

    assert [one.errors for one in ingest(world)] == [[]] * 4

    assert check(world.instance, SPEND, REMADE).passed
    assert retain(world)["pages"] == 0


@pytest.mark.long
def test_pages_stay_as_long_as_the_setting_says(start):
    world = start(AISPEND_RETENTION_DAYS="3")
    one_day = Due(Window(LOOK_BACK.first, LOOK_BACK.first), (("openai_costs", "default"),))
    ingest_without_dagster(world, one_day)

    world.clock.at = NOW + timedelta(days=3)
    assert retain(world)["pages"] == 0
    world.clock.at = NOW + timedelta(days=3, seconds=1)
    assert retain(world)["pages"] > 0


def test_it_runs_every_day_by_itself_in_the_lane_of_those_who_write():
    schedule = defs.resolve_schedule_def("retention")

    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 3 * * *", "UTC")
    assert defs.resolve_job_def("retention").tags[LANE] == "ingest"


def test_a_long_log_keeps_its_newest_lines_and_whoever_writes_to_it_goes_on(tmp_path):
    file = tmp_path / "dagster.log"
    with file.open("a") as writer:
        writer.writelines(f"line {n}\n" for n in range(1000))
        writer.flush()
        shorten(file, most=100_000)
        assert len(file.read_text().splitlines()) == 1000

        shorten(file, most=1000)
        writer.write("one more\n")

    lines = file.read_text().splitlines()
    assert lines[-2:] == ["line 999", "one more"]
    assert lines[0] in {f"line {n}" for n in range(1000)}
    assert file.stat().st_size <= 600
    shorten(tmp_path / "nowhere", most=1)
