//! Logs and metrics: how they leave the process.
//!
//! What may be in them is decided where they are written: user names, addresses and message bytes
//! never are. The recorder of metrics is one per process, because the `metrics` crate has it so.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, warn};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, reload};

use crate::config::{LogFormat, TelemetryConfig};

/// Seconds, from a statement on a warm cache to a request that somebody gives up on.
const SECONDS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Sizes of batches.
const SIZES: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0, 4_096.0,
];

/// Libraries whose news is none of the operator's business. A directive of the configuration
/// overrides its own here.
const QUIET: &str = "actix_server=warn,refinery_core=warn";

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// What decides which lines are written, once logs are ours.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sends logs to standard error. For programs, not for tests, which may have a subscriber of their
/// own: where there is one already, this does nothing.
pub(crate) fn start_logs(config: &TelemetryConfig) {
    let (filter, handle) = reload::Layer::new(filter(config));
    let filter = filter.and(filter_fn(is_ours_or_news));
    let logs = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => tracing_subscriber::registry()
            .with(logs.json().flatten_event(true).with_filter(filter))
            .try_init(),
        LogFormat::Text => tracing_subscriber::registry()
            .with(logs.with_target(false).with_filter(filter))
            .try_init(),
    };
    if started.is_ok() {
        FILTER.get_or_init(|| handle);
    }
}

/// Takes another `telemetry.log`. Where logs are somebody else's, this does nothing.
pub(crate) fn change_filter(config: &TelemetryConfig) {
    if let Some(handle) = FILTER.get()
        && let Err(error) = handle.reload(filter(config))
    {
        warn!(%error, "telemetry.log could not be changed");
    }
}

/// The configuration has checked that it is well-formed.
fn filter(config: &TelemetryConfig) -> EnvFilter {
    EnvFilter::try_new(format!("{QUIET},{}", config.log)).unwrap_or_default()
}

/// Libraries write what they are given below `info`: the parameters of statements, names and bytes
/// among them. No configuration lets that out.
fn is_ours_or_news(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("grove")
}

/// Starts collecting metrics, once per process.
pub(crate) fn start_metrics() -> Result<(), BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?
        .build_recorder();
    let handle = recorder.handle();
    // Somebody else's recorder stays: then ours shows nothing.
    if metrics::set_global_recorder(recorder).is_ok() {
        METRICS.get_or_init(|| handle);
        describe();
    }
    Ok(())
}

/// All metrics in Prometheus' text format.
pub(crate) fn render_metrics() -> String {
    METRICS
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

/// Moves what histograms have collected into their buckets; without this they grow until somebody
/// renders them.
pub(crate) fn tidy_metrics() {
    if let Some(handle) = METRICS.get() {
        handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!("grove_accounts_registered_total", "Accounts registered.");
    describe_counter!("grove_db_statements_total", "SQL statements run, by name.");
    describe_gauge!(
        "grove_disk_low",
        "1 while free space is below the reserve and writes are refused."
    );
    describe_histogram!(
        "grove_http_request_seconds",
        Unit::Seconds,
        "Time to answer, by route."
    );
    describe_counter!(
        "grove_http_requests_total",
        "Requests answered, by route and status."
    );
    describe_counter!(
        "grove_key_packages_claimed_total",
        "KeyPackages handed out."
    );
}
