//! A line chart as SVG, with a legend and a description in words.

use std::fmt::Write as _;

use super::{html::escape, number::duration, scale::Scale};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 230.0;
/// Around the drawing, for the labels.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
const TIME_TICKS: f64 = 7.0;

/// A line of a chart. The first of a chart is drawn with the first colour, and so on.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) label: String,
    /// One for each point in time; a gap where there is none.
    pub(super) values: Vec<Option<f64>>,
}

/// Lines over the same points in time.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// Unique on the page; letters only.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What there is to see, in a sentence.
    pub(super) about: String,
    /// How a value is written, with its unit.
    pub(super) unit: fn(f64) -> String,
    /// Whether small and large values must both be seen.
    pub(super) may_be_logarithmic: bool,
    /// The points in time, in seconds, ascending.
    pub(super) seconds: Vec<u64>,
    /// How many seconds a point stands for.
    pub(super) seconds_a_point: usize,
    pub(super) lines: Vec<Line>,
}

impl Line {
    pub(super) fn new(label: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        Self {
            label: label.to_owned(),
            values: values.collect(),
        }
    }

    fn known(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.values.iter().copied().flatten()
    }
}

impl Chart {
    /// The chart as a figure; nothing where no line has a value.
    pub(super) fn draw(mut self) -> String {
        self.lines.retain(|line| line.known().next().is_some());
        if self.lines.is_empty() {
            return String::new();
        }
        let scale = self.scale();
        let mut html = format!("<figure>\n<figcaption><h3>{}</h3>", escape(&self.title));
        let _ = write!(html, "<p>{}", escape(&self.about));
        if scale.is_logarithmic() {
            html.push_str(" The scale goes by powers of ten.");
        }
        if self.seconds_a_point > 1 {
            let _ = write!(html, " A point stands for {} s.", self.seconds_a_point);
        }
        html.push_str("</p>");
        self.legend(&mut html);
        html.push_str("</figcaption>\n");
        self.svg(&mut html, &scale);
        html.push_str("</figure>\n");
        html
    }

    fn scale(&self) -> Scale {
        let values = self.lines.iter().flat_map(Line::known);
        match self.may_be_logarithmic {
            true => Scale::fitting(values),
            false => Scale::linear(values),
        }
    }

    fn legend(&self, html: &mut String) {
        html.push_str("<ul class=\"legend\">");
        for (place, line) in self.lines.iter().enumerate() {
            let _ = write!(
                html,
                "<li><svg class=\"key\" viewBox=\"0 0 26 8\" aria-hidden=\"true\"><path class=\"line line-{}\" d=\"M1 4H25\"/></svg>{}</li>",
                place + 1,
                escape(&line.label)
            );
        }
        html.push_str("</ul>");
    }

    fn svg(&self, html: &mut String, scale: &Scale) {
        let id = self.id;
        let _ = writeln!(
            html,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-words\">{}</desc>",
            escape(&self.title),
            escape(&self.words())
        );
        self.axes(html, scale);
        for (place, line) in self.lines.iter().enumerate() {
            let path = self.path(line, scale);
            let number = place + 1;
            if self.lines.len() == 1 {
                let _ = writeln!(
                    html,
                    "<path class=\"area line-{number}\" d=\"{}\"/>",
                    self.area(line, scale)
                );
            }
            let _ = writeln!(html, "<path class=\"line line-{number}\" d=\"{path}\"/>");
        }
        self.hover(html);
        html.push_str("</svg>\n");
    }

    /// What the chart shows, for those who do not see it.
    fn words(&self) -> String {
        let ranges = self.lines.iter().map(|line| {
            let low = line.known().fold(f64::INFINITY, f64::min);
            let high = line.known().fold(f64::NEG_INFINITY, f64::max);
            let unit = self.unit;
            format!("{}: from {} to {}", line.label, unit(low), unit(high))
        });
        format!("{}.", ranges.collect::<Vec<_>>().join("; "))
    }

    fn axes(&self, html: &mut String, scale: &Scale) {
        for tick in &scale.ticks {
            let y = y(scale.place(*tick));
            let _ = writeln!(
                html,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                escape(&(self.unit)(*tick))
            );
        }
        let step = time_step(self.span() / TIME_TICKS);
        let mut second = 0.0;
        while second <= self.span() {
            let x = self.x(second);
            let _ = writeln!(
                html,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - 8.0,
                duration(second)
            );
            second += step;
        }
    }

    /// Points that lie next to each other, connected; a lone one as a dot.
    fn path(&self, line: &Line, scale: &Scale) -> String {
        let mut path = String::new();
        for stretch in self.stretches(line, scale) {
            for (place, (x, y)) in stretch.iter().enumerate() {
                let _ = write!(path, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
            }
            if stretch.len() == 1 {
                path.push_str("h.1");
            }
        }
        path
    }

    fn area(&self, line: &Line, scale: &Scale) -> String {
        let ground = y(0.0);
        let mut path = String::new();
        for stretch in self.stretches(line, scale) {
            let (Some((first, _)), Some((last, _))) = (stretch.first(), stretch.last()) else {
                continue;
            };
            let _ = write!(path, "M{first:.1} {ground:.1}");
            for (x, y) in &stretch {
                let _ = write!(path, "L{x:.1} {y:.1}");
            }
            let _ = write!(path, "L{last:.1} {ground:.1}Z");
        }
        path
    }

    fn stretches(&self, line: &Line, scale: &Scale) -> Vec<Vec<(f64, f64)>> {
        let mut all = vec![Vec::new()];
        for (second, value) in self.seconds.iter().zip(&line.values) {
            match (value, all.last_mut()) {
                (Some(value), Some(stretch)) => {
                    stretch.push((self.x(float(*second)), y(scale.place(*value))));
                }
                _ => all.push(Vec::new()),
            }
        }
        all.retain(|stretch| !stretch.is_empty());
        all
    }

    /// A strip over each point that names its values when the pointer rests on it.
    fn hover(&self, html: &mut String) {
        let width = (WIDTH - LEFT - RIGHT) / float_of(self.seconds.len().max(1));
        for (place, second) in self.seconds.iter().enumerate() {
            let mut words = duration(float(*second));
            for line in &self.lines {
                if let Some(Some(value)) = line.values.get(place) {
                    let _ = write!(words, "\n{}: {}", line.label, (self.unit)(*value));
                }
            }
            let _ = writeln!(
                html,
                "<rect class=\"hover\" x=\"{:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                self.x(float(*second)) - width / 2.0,
                HEIGHT - TOP - BOTTOM,
                escape(&words)
            );
        }
    }

    /// From the first to the last second; never zero.
    fn span(&self) -> f64 {
        self.seconds
            .last()
            .map_or(1.0, |last| float(*last).max(1.0))
    }

    fn x(&self, second: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * second / self.span()
    }
}

fn y(place: f64) -> f64 {
    TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - place)
}

/// A step between labels of time that people count in.
fn time_step(wanted: f64) -> f64 {
    const STEPS: [f64; 11] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
    ];
    let step = STEPS.into_iter().find(|step| *step >= wanted);
    step.unwrap_or_else(|| (wanted / 3_600.0).ceil() * 3_600.0)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
fn float(second: u64) -> f64 {
    second as f64
}

#[expect(clippy::cast_precision_loss, reason = "points of a chart")]
fn float_of(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::number::short;

    fn chart(seconds: Vec<u64>, lines: Vec<Line>) -> Chart {
        Chart {
            id: "x",
            title: "A <chart>".to_owned(),
            about: "Of something.".to_owned(),
            unit: short,
            may_be_logarithmic: false,
            seconds,
            seconds_a_point: 1,
            lines,
        }
    }

    #[test]
    fn nothing_to_draw_is_no_figure() {
        assert_eq!(chart(vec![], vec![]).draw(), "");
        let empty = Line::new("a", [None, None].into_iter());
        assert_eq!(chart(vec![0, 1], vec![empty]).draw(), "");
    }

    #[test]
    fn a_gap_is_not_drawn_over() {
        let line = Line::new("a", [Some(1.0), Some(2.0), None, Some(2.0)].into_iter());
        let chart = chart(vec![0, 1, 2, 3], vec![line.clone()]);
        let path = chart.path(&line, &chart.scale());
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert_eq!(path.matches('L').count(), 1, "{path}");
        assert!(path.ends_with("h.1"), "{path}");
    }

    #[test]
    fn a_figure_has_a_title_words_and_a_key_for_each_line() {
        let lines = vec![
            Line::new("p50", [Some(1.0), Some(3.0)].into_iter()),
            Line::new("none", [None, None].into_iter()),
            Line::new("p99", [Some(5.0), None].into_iter()),
        ];
        let html = chart(vec![0, 1], lines).draw();
        assert!(
            html.contains("<title id=\"x-title\">A &lt;chart&gt;</title>"),
            "{html}"
        );
        assert!(
            html.contains("p50: from 1 to 3; p99: from 5 to 5."),
            "{html}"
        );
        assert_eq!(html.matches("<li>").count(), 2);
        assert_eq!(html.matches("class=\"hover\"").count(), 2);
        assert!(!html.contains("NaN"), "{html}");
    }

    #[test]
    fn one_second_can_be_drawn() {
        let html = chart(vec![0], vec![Line::new("a", [Some(0.0)].into_iter())]).draw();
        assert!(html.contains("h.1") && !html.contains("NaN"), "{html}");
    }
}
