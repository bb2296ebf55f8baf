//! The latency curves as SVG: load to the right, latency upwards, in powers of ten.

use std::fmt::Write as _;

use crate::{
    cell::{Target, stock_name},
    curve::{Panel, Point, Series},
};

const WIDTH: f64 = 860.0;
const PANEL_HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 840.0;
/// From the top of its panel.
const TOP: f64 = 70.0;
const BOTTOM: f64 = 320.0;
/// The decades of the latency axis, as powers of ten of ms.
const DECADES: [i32; 6] = [-2, -1, 0, 1, 2, 3];
/// Latency that a line is drawn at: what is aimed at under 70 % of saturation.
const AIM_MS: f64 = 5.0;
const X_TICKS_MAX: f64 = 8.0;

/// Draws all panels, one below the other.
#[must_use]
pub fn svg(panels: &[Panel]) -> String {
    let height = panels.iter().fold(0.0, |height, _| height + PANEL_HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#343a40\">\n\
         <title>Latency under load</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut top = 0.0;
    for panel in panels {
        let _ = writeln!(svg, "<g transform=\"translate(0 {top})\">");
        draw(&mut svg, panel);
        svg.push_str("</g>\n");
        top += PANEL_HEIGHT;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where a load lies.
struct Scale {
    per_second_max: f64,
}

impl Scale {
    fn x(&self, per_second: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * per_second / self.per_second_max
    }
}

fn y(ms: f64) -> f64 {
    let [low, .., high] = DECADES.map(f64::from);
    let share = (ms.log10().clamp(low, high) - low) / (high - low);
    BOTTOM - (BOTTOM - TOP) * share
}

fn draw(svg: &mut String, panel: &Panel) {
    let loads = panel.series.iter().flat_map(|series| &series.points);
    let per_second_max = loads.map(|point| point.per_second).fold(1.0, f64::max);
    let tick = tick_of(per_second_max);
    let scale = Scale {
        per_second_max: (per_second_max / tick).ceil() * tick,
    };
    let name = stock_name(panel.skus);
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"26\" font-size=\"15\" font-weight=\"600\">Latency under load, {name}</text>"
    );
    axes(svg, &scale, tick);
    let mut legend_x = LEFT;
    for series in &panel.series {
        curves(svg, &scale, series);
        let (color, name) = (color(series.target), short_name(series.target));
        let _ = writeln!(
            svg,
            "<circle cx=\"{}\" cy=\"46\" r=\"4\" fill=\"{color}\"/><text x=\"{}\" y=\"50\">{name}</text>",
            legend_x + 4.0,
            legend_x + 14.0
        );
        legend_x += 150.0;
    }
    let _ = writeln!(
        svg,
        "<text x=\"{RIGHT}\" y=\"50\" text-anchor=\"end\">solid: p99, dashed: p50</text>"
    );
}

fn axes(svg: &mut String, scale: &Scale, tick: f64) {
    for decade in DECADES {
        let ms = 10_f64.powi(decade);
        let y = y(ms);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#e9ecef\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{ms} ms</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let mut per_second = 0.0;
    while per_second <= scale.per_second_max {
        let x = scale.x(per_second);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {BOTTOM}v5\" stroke=\"#868e96\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"middle\">{per_second}</text>",
            BOTTOM + 20.0
        );
        per_second += tick;
    }
    let aim = y(AIM_MS);
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {BOTTOM}H{RIGHT}\" stroke=\"#868e96\"/>\n\
         <path d=\"M{LEFT} {aim:.1}H{RIGHT}\" stroke=\"#2b8a3e\" stroke-dasharray=\"2 4\"/>\
         <text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#2b8a3e\">{AIM_MS} ms</text>\n\
         <text x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">reservations due per second</text>",
        aim - 4.0,
        BOTTOM + 40.0
    );
}

fn curves(svg: &mut String, scale: &Scale, series: &Series) {
    let color = color(series.target);
    let line = |ms: fn(&Point) -> f64| {
        let points = series
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", scale.x(point.per_second), y(ms(point))));
        points.collect::<Vec<_>>().join(" ")
    };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" \
         stroke-dasharray=\"5 4\"/>\n<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" \
         stroke-width=\"2\"/>",
        line(|point| point.p50_ms),
        line(|point| point.p99_ms)
    );
    for point in &series.points {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"><title>{:.0}/s: p50 {:.2} ms, p99 \
             {:.2} ms, p99.9 {:.2} ms</title></circle>",
            scale.x(point.per_second),
            y(point.p99_ms),
            point.per_second,
            point.p50_ms,
            point.p99_ms,
            point.p999_ms
        );
    }
}

/// 1, 2 or 5 with zeros, so that there are few of them up to `max`.
fn tick_of(max: f64) -> f64 {
    let mut decade = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if max / (step * decade) <= X_TICKS_MAX {
                return step * decade;
            }
        }
        decade *= 10.0;
    }
}

const fn color(target: Target) -> &'static str {
    match target {
        Target::Server => "#1864ab",
        Target::Plain => "#d9480f",
        Target::Hello | Target::Benchmark { .. } => "#868e96",
    }
}

const fn short_name(target: Target) -> &'static str {
    match target {
        Target::Server => "inventory-server",
        Target::Plain => "plain version",
        Target::Hello => "hello-world",
        Target::Benchmark { .. } => "redis-benchmark",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(
            [7.0, 9.0, 41_000.0, 160_000.0].map(tick_of),
            [1.0, 2.0, 10_000.0, 20_000.0]
        );
    }

    #[test]
    fn latencies_lie_between_the_first_and_the_last_decade() {
        assert!((y(0.01) - BOTTOM).abs() < 1e-9 && (y(0.0001) - BOTTOM).abs() < 1e-9);
        assert!((y(1_000.0) - TOP).abs() < 1e-9 && (y(99_999.0) - TOP).abs() < 1e-9);
        assert!(y(5.0) < y(1.0));
    }

    #[test]
    fn a_panel_has_two_lines_for_each_target() {
        let point = |step| Point {
            step,
            per_second: f64::from(step) * 1_000.0,
            p50_ms: 0.3,
            p99_ms: 1.2,
            p999_ms: 2.0,
            max_ms: 3.0,
        };
        let series = |target| Series {
            target,
            saturation: 10_000.0,
            points: (1..=10).map(point).collect(),
        };
        let panel = Panel {
            skus: 1_000,
            series: vec![series(Target::Server), series(Target::Plain)],
        };
        let svg = svg(&[panel]);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert!(!svg.contains("NaN"));
    }
}
