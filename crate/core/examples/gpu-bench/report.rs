//! Rows of what was measured: as text, and as the JSON that `bench/results` has.

use saltflat_core::backend::cuda::Info;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A figure, and what it is beside another.
pub struct Row {
    what: String,
    contestant: String,
    value: f64,
    unit: &'static str,
    ratio: Option<(f64, String)>,
    /// The figure, or the ratio where there is one, shall be at least or at most this.
    goal: Option<(f64, bool)>,
}

impl Row {
    fn new(what: &str, contestant: &str, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), contestant: contestant.into(), value, unit, ratio: None, goal: None }
    }

    pub fn rate(what: &str, contestant: &str, value: f64) -> Self {
        Self::new(what, contestant, value, "GB/s")
    }

    pub fn seconds(what: &str, contestant: &str, value: f64) -> Self {
        Self::new(what, contestant, value, "s")
    }

    pub fn micros(what: &str, contestant: &str, seconds: f64) -> Self {
        Self::new(what, contestant, seconds * 1e6, "µs")
    }

    /// The same with its ratio to a figure of another.
    pub fn beside(mut self, other: f64, against: &str) -> Self {
        self.ratio = Some((self.value / other, against.into()));
        self
    }

    /// The ratio the other way round: how many times as fast, of figures of time.
    pub fn inverse(mut self) -> Self {
        self.ratio = self.ratio.map(|(ratio, against)| (1.0 / ratio, against));
        self
    }

    pub fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some((goal, true));
        self
    }

    pub fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some((goal, false));
        self
    }

    fn met(&self) -> Option<bool> {
        let value = self.ratio.as_ref().map_or(self.value, |(ratio, _)| *ratio);
        self.goal.map(|(goal, least)| if least { value >= goal } else { value <= goal })
    }

    fn json(&self) -> String {
        let number = |value: f64| if value.is_finite() { value.to_string() } else { "null".into() };
        let (ratio, against, meaning) = match &self.ratio {
            Some((ratio, against)) if self.unit == "GB/s" => {
                (number(*ratio), quoted(against), quoted("share"))
            }
            Some((ratio, against)) => (number(*ratio), quoted(against), quoted("times as fast")),
            None => ("null".into(), "null".into(), "null".into()),
        };
        let goal = self.goal.map_or("null".into(), |(goal, _)| number(goal));
        let met = self.met().map_or("null".into(), |met| met.to_string());
        let (what, contestant, value) = (quoted(&self.what), quoted(&self.contestant), number(self.value));
        format!(
            "    {{\"question\": \"gpu\", \"what\": {what}, \"contestant\": {contestant}, \"value\": {value}, \
             \"least\": null, \"unit\": \"{}\", \"spread\": null, \"rounds\": 9, \"ratio\": {ratio}, \
             \"ratioSpread\": null, \"against\": {against}, \"meaning\": {meaning}, \"goal\": {goal}, \
             \"met\": {met}, \"by\": \"median\", \"headline\": false}}",
            self.unit
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { what, contestant, value, unit, .. } = self;
        write!(f, "{what}: {contestant}: {value:.4} {unit}")?;
        if let Some((ratio, against)) = &self.ratio {
            write!(f, ", {ratio:.3} of {against}")?;
        }
        match (self.goal, self.met()) {
            (Some((goal, least)), Some(met)) => {
                let side = if least { "at least" } else { "at most" };
                write!(f, " [{side} {goal}: {}]", if met { "met" } else { "NOT met" })
            }
            _ => Ok(()),
        }
    }
}

/// All of it, with machine, versions and the commit that SALTFLAT_COMMIT named when this was built.
pub fn json(rows: &[Row], info: &Info, torch: &str, quick: bool) -> String {
    let rows: Vec<String> = rows.iter().map(Row::json).collect();
    let commit = option_env!("SALTFLAT_COMMIT").unwrap_or("unknown");
    let changed = option_env!("SALTFLAT_CHANGED").is_some_and(|changed| changed == "true");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (major, minor) = info.capability;
    format!(
        "{{\n  \"kind\": \"bench\",\n  \"quick\": {quick},\n  \"commit\": {},\n  \"library\": {},\n  \"changed\": {changed},\n  \
         \"date\": {},\n  \"machine\": {{\"processor\": {}, \"cores\": {cores}, \"gpu\": {}, \
         \"capability\": \"{major}.{minor}\", \"multiprocessors\": {}, \"gpuMemory\": {}, \"platform\": {}}},\n  \
         \"versions\": {{\"saltflat\": {}, \"driver\": \"{}.{}\", \"torch\": {}}},\n  \"rows\": [\n{}\n  ],\n  \"skipped\": [{}]\n}}\n",
        quoted(commit),
        quoted(commit),
        quoted(&today()),
        quoted(&processor()),
        quoted(&info.name),
        info.multiprocessors,
        info.memory >> 30,
        quoted(&format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)),
        quoted(env!("CARGO_PKG_VERSION")),
        info.driver / 1000,
        info.driver % 1000 / 10,
        quoted(torch),
        rows.join(",\n"),
        if torch == "absent" { SKIPPED } else { "" },
    )
}

/// What is left out where there is no torch.
const SKIPPED: &str =
    r#"{"what": "every size", "contestant": "torch", "why": "no Python with torch and CUDA"}"#;

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").into()
}

/// The date in the form 2026-01-31, by the civil calendar of days since 1970.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut day = seconds / 86_400;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, day + 1)
}
