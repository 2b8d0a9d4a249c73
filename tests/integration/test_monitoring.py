"""Dashboard, alert rules and docs against the metrics of a real server, and a real Prometheus."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.dashboard import DASHBOARD, panels
from support.prometheus import Prometheus, prometheus, promtool
from support.redis_server import RedisServer
from support.server import running_server
from support.wire_client import WireClient

CHECKOUT = Path(__file__).resolve().parents[2]
DOCKER = CHECKOUT / "docker"
RULES = DOCKER / "prometheus" / "alerts.yml"
OPERATING = (CHECKOUT / "docs" / "operating.md").read_text()
METRIC = re.compile(r"\b(?:maskstream|process|python)_[a-z_]+\b|\bup\b")


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def queries() -> list[tuple[str, str]]:
    """Each panel's title with each of its queries."""
    return [(panel["title"], each["expr"]) for panel in panels() for each in panel["targets"]]


def alerts() -> list[dict]:
    (group,) = read(RULES)["groups"]
    return group["rules"]


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Names of all samples of a server that has just started, with their labels."""
    with running_server() as live:
        text = live.get("/metrics")
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return found


def families(samples: dict[str, set[str]]) -> set[str]:
    """Names of our metrics as an operator looks them up."""
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in samples if "_created" not in name}
    return {name for name in ours if name.startswith("maskstream_")}


def test_every_query_of_the_dashboard_uses_metrics_that_exist(samples):
    assert len(queries()) > 30
    for title, query in queries():
        names = METRIC.findall(query)
        assert names, title
        assert set(names) <= set(samples), title


def test_every_alert_uses_metrics_that_exist_and_says_what_to_do(samples):
    for alert in alerts():
        names = METRIC.findall(alert["expr"])
        assert names, alert["alert"]
        assert set(names) <= set(samples), alert["alert"]
        assert alert["annotations"]["runbook"] == "docs/operating.md#alerts"
        assert f"| {alert['alert']} | " in OPERATING


def test_queries_group_and_choose_by_labels_that_exist(samples):
    for title, query in [*queries(), *((each["alert"], each["expr"]) for each in alerts())]:
        known = set().union(*(samples[name] for name in METRIC.findall(query)))
        asked = set(re.findall(r"(\w+)=\"", query))
        for group in re.findall(r"by \(([^)]*)\)", query):
            asked |= {label.strip() for label in group.split(",")}
        assert asked <= known, title


def test_every_metric_is_in_the_docs_and_the_docs_name_no_others(samples):
    documented = set(re.findall(r"`(maskstream_[a-z_]+)", OPERATING))
    assert documented == families(samples)


def test_the_dashboard_is_what_grafana_is_reported_to_load():
    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("Maskstream", "maskstream")
    folder = DOCKER / "grafana" / "provisioning"
    (source,) = read(folder / "datasources" / "prometheus.yml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    (provider,) = read(folder / "dashboards" / "maskstream.yml")["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_panels_do_not_lie_on_each_other():
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_prometheus_accepts_configuration_and_rules():
    assert "SUCCESS" in promtool("check", "config", DOCKER / "prometheus" / "prometheus.yml")


def test_each_alert_fires_when_it_shall_and_not_before():
    promtool("test", "rules", DOCKER / "prometheus" / "alerts_test.yml")
    tried = read(DOCKER / "prometheus" / "alerts_test.yml")["tests"]
    steps = [step for test in tried for step in test["alert_rule_test"]]
    fired = {step["alertname"] for step in steps if "exp_alerts" in step}
    assert fired == {alert["alert"] for alert in alerts()}


def quick_config(folder: Path, target: str) -> Path:
    """The configuration of the deployment, with one server, and times for the impatient."""
    config = read(DOCKER / "prometheus" / "prometheus.yml")
    config["global"] = dict.fromkeys(config["global"], "1s")
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [target]}]
    shutil.copy(RULES, folder / "alerts.yml")
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_every_panel_has_data_and_a_lost_store_raises_its_alert(
    tmp_path: Path, own_redis: RedisServer
):
    with running_server(store=own_redis.url) as live:
        config = quick_config(tmp_path, live.url.removeprefix("http://"))
        rules = (tmp_path / "alerts.yml").read_text()
        (tmp_path / "alerts.yml").write_text(re.sub(r"for: \w+", "for: 1s", rules))
        with prometheus(config, tmp_path) as scraper, WireClient(live.ws_url) as client:
            assert stream_until(scraper, client, unanswered) == []
            assert "MaskstreamStoreAway" not in scraper.firing()
            own_redis.kill()
            assert stream_until(scraper, client, no_alarm) == []


def no_alarm(scraper: Prometheus) -> list[str]:
    return [] if "MaskstreamStoreAway" in scraper.firing() else ["MaskstreamStoreAway"]


def unanswered(scraper: Prometheus) -> list[str]:
    """Titles of panels one of whose queries has no data."""
    asked = [(title, each.replace("$__rate_interval", "10s")) for title, each in queries()]
    return [title for title, query in asked if not scraper.query(query)]


def stream_until(
    scraper: Prometheus,
    client: WireClient,
    left: Callable[[Prometheus], list[str]],
    within_s: float = 30.0,
) -> list[str]:
    """Stream on until nothing is left; returns what is left after `within_s`."""
    until = time.monotonic() + within_s
    while (remains := left(scraper)) and time.monotonic() < until:
        for _ in range(5):
            client.step()
        time.sleep(0.2)
    return remains
