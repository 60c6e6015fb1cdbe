//! Curves as an SVG, both axes logarithmic: what grows linearly is a straight line of the slope of the dashed one.

use std::fmt::Write as _;

/// Sizes, and the time of each in ms.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(usize, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 520.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 370.0;

/// Powers of ten from the left end to the right one, and from the lower end to the upper one (ms).
const SIZES: (i32, i32) = (0, 4);
const TIMES: (i32, i32) = (-1, 4);

/// Readable on white and on black.
const COLOURS: [&str; 7] = [
    "#3b82f6", "#ef4444", "#10b981", "#f59e0b", "#8b5cf6", "#ec4899", "#6b7280",
];

fn x(size: f64) -> f64 {
    let (from, to) = (f64::from(SIZES.0), f64::from(SIZES.1));
    LEFT + (size.log10() - from) / (to - from) * (RIGHT - LEFT)
}

fn y(time: f64) -> f64 {
    let (from, to) = (f64::from(TIMES.0), f64::from(TIMES.1));
    BOTTOM - (time.log10() - from) / (to - from) * (BOTTOM - TOP)
}

/// The whole file.
pub(crate) fn drawn(curves: &[Curve]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Time by size, both axes logarithmic</title>\n\
         <style>text {{ font: 12px sans-serif; fill: #444 }} .grid {{ stroke: #8884 }} \
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}</style>\n"
    );
    for power in SIZES.0..=SIZES.1 {
        let (size, at) = (10_f64.powi(power), x(10_f64.powi(power)));
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{size}</text>",
            BOTTOM + 18.0
        );
    }
    for power in TIMES.0..=TIMES.1 {
        let (time, at) = (10_f64.powi(power), y(10_f64.powi(power)));
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{time} ms</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">size</text>\n\
         <path fill=\"none\" stroke=\"#888\" stroke-dasharray=\"4 4\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 38.0,
        x(1.0),
        y(0.1),
        x(10_000.0),
        y(1_000.0)
    );
    // Names beside the ends of the curves, none upon another.
    let mut ends: Vec<_> = curves.iter().zip(COLOURS).collect();
    ends.sort_by(|(a, _), (b, _)| end(b).1.total_cmp(&end(a).1));
    let mut lowest = TOP;
    for (curve, colour) in ends {
        let points = curve
            .points
            .iter()
            .map(|(size, time)| format!("{:.1},{:.1}", x(size_of(*size)), y(*time)));
        let points = points.collect::<Vec<_>>().join(" ");
        let at = (y(end(curve).1) + 4.0).max(lowest);
        lowest = at + 15.0;
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{points}\"/>\n\
             <path stroke=\"{colour}\" stroke-width=\"3\" d=\"M{:.1} {:.1}h16\"/><text x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
            RIGHT + 14.0,
            at - 4.0,
            RIGHT + 36.0,
            curve.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn end(curve: &Curve) -> (usize, f64) {
    curve.points.last().copied().unwrap_or((1, 1.0))
}

fn size_of(size: usize) -> f64 {
    size as f64
}
