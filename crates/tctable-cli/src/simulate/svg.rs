//! `--svg`: what was carried by class over time, one picture with nothing from elsewhere. Each device that carried something
//! has a panel; in it the leaves of its classes are stacked, so that their sum is what the line carried.

use std::collections::HashSet;
use std::fmt::Write;

use tctable::sched::Rate;
use tctable::time::Duration;

use super::book::{ClassRow, Of};
use super::report::Report;
use super::series::Series;
use super::simulation::Simulation;
use super::tally::Times;
use crate::place::Place;
use crate::report::units::{BitRate, Bytes};

/// The picture's width and the parts of a panel, in pixels.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 200.0;
const TITLE: f64 = 44.0;
const PLOT: f64 = 220.0;
const BELOW: f64 = 52.0;

/// Layers that have a colour of their own; the others are one.
const MOST: usize = 8;
/// Colours that can be told apart, also by who sees no red or no green (Okabe and Ito), darker and lighter for the two grounds.
const LIGHT: [&str; MOST + 1] =
    ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a68b8", "#b0a000", "#8c8c8c"];
const DARK: [&str; MOST + 1] =
    ["#4aa8e0", "#f2b134", "#2fc79a", "#e39cc4", "#8fd0f5", "#f08040", "#a394e0", "#d8cc3c", "#9a9a9a"];

/// Steps of time in a panel.
const STEPS: u64 = 160;

/// One layer of a panel.
struct Layer {
    name: String,
    bytes: u64,
    /// Bits a second in each step.
    rates: Vec<f64>,
}

/// One device of one simulation.
struct Panel {
    title: String,
    speed: Option<Rate>,
    step: Duration,
    /// From the first packet to the end.
    duration: Duration,
    layers: Vec<Layer>,
}

/// Draws the picture.
pub(super) fn write(report: &Report<'_>, text: &mut String) {
    let panels = panels(report);
    let height = panels.len().max(1) as f64 * (TITLE + PLOT + BELOW) + 8.0;
    let file = escaped(&report.file.name);
    put(
        text,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>Carried rate by class: {file}</title>\n"
        ),
    );
    style(text);
    put(text, format_args!("<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n"));
    if panels.is_empty() {
        put(text, format_args!("<text class=\"title\" x=\"{LEFT}\" y=\"28\">Nothing was carried</text>\n"));
    }
    for (at, panel) in panels.iter().enumerate() {
        put(text, format_args!("<g transform=\"translate(0 {})\">\n", at as f64 * (TITLE + PLOT + BELOW)));
        panel.write(text);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
}

fn style(text: &mut String) {
    text.push_str("<style>\n.ground{fill:#fff}.title{fill:#1c1c1c;font-weight:600;font-size:15px}.label{fill:#555}");
    text.push_str(".grid{stroke:#000;stroke-opacity:.12}.axis{stroke:#666}.speed{stroke:#c00;stroke-dasharray:6 4}.limit{fill:#c00;stroke:#fff;stroke-width:3;paint-order:stroke}\n");
    for (at, color) in LIGHT.iter().enumerate() {
        put(text, format_args!(".c{at}{{fill:{color};stroke:{color}}}"));
    }
    text.push_str("\n@media (prefers-color-scheme:dark){.ground{fill:#16181c}.title{fill:#f0f0f0}.label{fill:#b0b0b0}");
    text.push_str(".grid{stroke:#fff;stroke-opacity:.14}.axis{stroke:#999}.speed{stroke:#ff7b72}.limit{fill:#ff7b72;stroke:#16181c}");
    for (at, color) in DARK.iter().enumerate() {
        put(text, format_args!(".c{at}{{fill:{color};stroke:{color}}}"));
    }
    text.push_str("}\n.area{fill-opacity:.8;stroke-width:1}\n</style>\n");
}

fn panels(report: &Report<'_>) -> Vec<Panel> {
    let mut panels = Vec::new();
    for (simulation, times) in report.simulations.iter().zip(&report.times) {
        for place in Place::ALL {
            let device = &simulation.book.devices[place as usize];
            if device.tally.carried.packets > 0 {
                let title = match report.simulations.len() {
                    1 => place.to_string(),
                    _ => format!("{place}: {}", simulation.name),
                };
                panels.push(panel(simulation, place, times, title));
            }
        }
    }
    panels
}

fn panel(simulation: &Simulation, place: Place, times: &Times, title: String) -> Panel {
    let book = &simulation.book;
    let is_host = |row: &ClassRow| matches!(row.of, Of::Host(_));
    let inner: HashSet<usize> = book.classes.iter().filter(|row| !is_host(row)).filter_map(|row| row.above).collect();
    let rows = book.classes.iter().enumerate().filter(|(_, row)| row.device == place && !is_host(row));
    let rows = rows.filter(|(at, row)| row.tally.carried.packets > 0 && !inner.contains(at)).map(|(_, row)| {
        let name = match row.of {
            Of::AllHosts => format!("{} hosts", row.parent),
            _ => row.class.to_string(),
        };
        (name, row.tally.carried.bytes, &row.carried_over_time)
    });
    let device = &book.devices[place as usize];
    let rest = Some(("no class".to_owned(), device.unclassified.carried.bytes, &device.unclassified_over_time));
    let mut sources: Vec<(String, u64, &Series)> = rows.chain(rest.filter(|(_, bytes, _)| *bytes > 0)).collect();
    if let ([(name, ..)], 1..) = (&mut sources[..], device.unclassified.carried.packets) {
        *name = "all packets".to_owned();
    }
    let mut step = sources.iter().map(|(.., series)| series.step()).max().unwrap_or_default();
    // Shorter ones would show single packets.
    while times.carried().as_nanos() / step.as_nanos().max(1) > STEPS {
        step = Duration::from_nanos(step.as_nanos() * 2);
    }
    sources.sort_by_key(|(_, bytes, _)| std::cmp::Reverse(*bytes));
    let rates = |series: &Series| {
        let seconds = step.as_nanos() as f64 / 1e9;
        series.in_steps(step).into_iter().map(|bytes| bytes as f64 * 8.0 / seconds).collect::<Vec<_>>()
    };
    let mut layers: Vec<Layer> = Vec::new();
    for (at, (name, bytes, series)) in sources.into_iter().enumerate() {
        let rates = rates(series);
        match layers.get_mut(MOST) {
            Some(others) => {
                others.name = format!("{} others", at + 1 - MOST);
                others.bytes += bytes;
                others.rates.resize(others.rates.len().max(rates.len()), 0.0);
                others.rates.iter_mut().zip(rates).for_each(|(sum, rate)| *sum += rate);
            }
            None => layers.push(Layer { name, bytes, rates }),
        }
    }
    Panel { title, speed: simulation.speed(place), step, duration: times.carried(), layers }
}

impl Panel {
    fn write(&self, text: &mut String) {
        let steps = self.layers.iter().map(|layer| layer.rates.len()).max().unwrap_or(0).max(1);
        let sum = |at: usize| self.layers.iter().filter_map(|layer| layer.rates.get(at)).sum::<f64>();
        let peak = (0..steps).map(sum).fold(0.0, f64::max);
        // A line that is hardly used is not drawn to its speed.
        let speed = self.speed.map(|speed| speed.bits() as f64).filter(|speed| *speed <= peak * 3.0);
        let (tick, top) = scale(peak.max(speed.unwrap_or(0.0) * 1.02));
        let seconds = (steps as f64 * self.step.as_nanos() as f64 / 1e9).max(self.duration.as_nanos() as f64 / 1e9);
        let x = |seconds_at: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds_at / seconds;
        let y = |rate: f64| TITLE + PLOT * (1.0 - rate / top);
        put(text, format_args!("<text class=\"title\" x=\"{LEFT}\" y=\"26\">{}</text>\n", escaped(&self.title)));
        let mut rate = 0.0;
        while rate <= top * 1.001 {
            let at = y(rate);
            put(
                text,
                format_args!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"label\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                    WIDTH - RIGHT,
                    LEFT - 8.0,
                    at + 4.0,
                    rate_label(rate)
                ),
            );
            rate += tick;
        }
        self.areas(text, steps, x, y);
        self.axis(text, seconds, x);
        if let Some(speed) = speed {
            let at = y(speed);
            put(
                text,
                format_args!(
                    "<line class=\"speed\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"limit\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">link {}</text>\n",
                    WIDTH - RIGHT,
                    WIDTH - RIGHT - 4.0,
                    at - 5.0,
                    BitRate(speed as u64)
                ),
            );
        }
        self.legend(text);
    }

    /// The layers from below, each as the band between two sums.
    fn areas(&self, text: &mut String, steps: usize, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) {
        let seconds = self.step.as_nanos() as f64 / 1e9;
        let mut below = vec![0.0; steps];
        for (color, layer) in self.layers.iter().enumerate() {
            let above: Vec<f64> =
                (0..steps).map(|at| below[at] + layer.rates.get(at).copied().unwrap_or(0.0)).collect();
            put(text, format_args!("<path class=\"area c{color}\" d=\"M"));
            // Steps, not slopes: each value is that of a span of time.
            for (at, rate) in above.iter().enumerate() {
                let (from, to) = (x(at as f64 * seconds), x((at + 1) as f64 * seconds));
                put(text, format_args!("{from:.1} {0:.1}H{to:.1}{1}", y(*rate), if at + 1 < steps { "V" } else { "" }));
                if at + 1 < steps {
                    put(text, format_args!("{:.1}L", y(above[at + 1])));
                }
            }
            for (at, rate) in below.iter().enumerate().rev() {
                let (from, to) = (x(at as f64 * seconds), x((at + 1) as f64 * seconds));
                put(text, format_args!("L{to:.1} {0:.1}H{from:.1}", y(*rate)));
            }
            put(text, format_args!("Z\"><title>{}</title></path>\n", escaped(&layer.name)));
            below = above;
        }
    }

    fn axis(&self, text: &mut String, seconds: f64, x: impl Fn(f64) -> f64) {
        let bottom = TITLE + PLOT;
        put(
            text,
            format_args!(
                "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\n",
                WIDTH - RIGHT
            ),
        );
        let (tick, _) = scale(seconds);
        let (unit, name) = time_unit(seconds);
        let tick = if unit > 1.0 { scale(seconds / unit).0 * unit } else { tick };
        let mut at = 0.0;
        while at <= seconds * 1.001 {
            put(
                text,
                format_args!(
                    "<line class=\"axis\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{bottom}\" y2=\"{1}\"/>\
                 <text class=\"label\" x=\"{0:.1}\" y=\"{2}\" text-anchor=\"middle\">{3}</text>\n",
                    x(at),
                    bottom + 5.0,
                    bottom + 20.0,
                    number(at / unit)
                ),
            );
            at += tick;
        }
        put(
            text,
            format_args!(
                "<text class=\"label\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{name} since the first packet</text>\n",
                x(seconds / 2.0),
                bottom + 38.0
            ),
        );
    }

    /// The layers from above, as they are stacked.
    fn legend(&self, text: &mut String) {
        let x = WIDTH - RIGHT + 18.0;
        for (place, (color, layer)) in self.layers.iter().enumerate().rev().enumerate() {
            let y = TITLE + 4.0 + place as f64 * 24.0;
            put(
                text,
                format_args!(
                    "<rect class=\"area c{color}\" x=\"{x}\" y=\"{y}\" width=\"14\" height=\"14\" rx=\"2\"/>\
                 <text class=\"label\" x=\"{}\" y=\"{}\">{}, {}</text>\n",
                    x + 22.0,
                    y + 11.5,
                    escaped(&layer.name),
                    Bytes(layer.bytes)
                ),
            );
        }
    }
}

/// The distance of ticks, and the highest one: 1, 2 or 5 times a power of ten, about five of them.
fn scale(most: f64) -> (f64, f64) {
    let most = if most > 0.0 { most } else { 1.0 };
    let power = 10f64.powf((most / 5.0).log10().floor());
    let tick = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|tick| most / tick <= 5.5);
    let tick = tick.unwrap_or(power * 10.0);
    (tick, (most / tick).ceil() * tick)
}

fn rate_label(bits: f64) -> String {
    let (unit, name) = match bits {
        0.0 => return "0".to_owned(),
        bits if bits >= 999_999_999.5 => (1e9, "Gbit/s"),
        bits if bits >= 999_999.5 => (1e6, "Mbit/s"),
        bits if bits >= 999.5 => (1e3, "Kbit/s"),
        _ => (1.0, "bit/s"),
    };
    format!("{} {name}", number(bits / unit))
}

/// The unit of a time axis, in seconds.
fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        seconds if seconds > 2.0 * 86_400.0 => (86_400.0, "days"),
        seconds if seconds > 3.0 * 3_600.0 => (3_600.0, "hours"),
        seconds if seconds > 300.0 => (60.0, "minutes"),
        _ => (1.0, "seconds"),
    }
}

/// A number of ticks without decimals that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("memory takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (most, expected) in [
            (9.9, (2.0, 10.0)),
            (100.0, (20.0, 100.0)),
            (1.7e6, (500_000.0, 2e6)),
            (0.0, (0.2, 1.0)),
            (0.3, (0.1, 0.3)),
        ] {
            let (tick, top) = scale(most);
            let near = |one: f64, other: f64| (one - other).abs() < 1e-9 * one.abs().max(1.0);
            assert!(near(tick, expected.0) && near(top, expected.1), "{most}: {tick} {top}");
        }
    }

    #[test]
    fn numbers_say_no_more_than_they_must() {
        assert_eq!(number(2.0), "2");
        assert_eq!(number(0.25), "0.25");
        assert_eq!(rate_label(1_500_000.0), "1.5 Mbit/s");
        assert_eq!(rate_label(0.0), "0");
    }
}
