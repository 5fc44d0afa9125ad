//! The figure: mean curves with a band of one standard deviation, as SVG.
//!
//! Not here: what the curves are ([`crate::experiment`]).

use std::fmt::Write as _;

/// One curve and how it is drawn.
pub struct Line<'a> {
    /// What the legend calls it.
    pub label: &'a str,
    /// An SVG colour.
    pub color: &'a str,
    /// Broken, or else solid.
    pub dashed: bool,
    /// At each `x` of the figure.
    pub mean: Vec<f64>,
    /// Half the width of the band, likewise.
    pub deviation: Vec<f64>,
}

/// The picture and its margins, in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 45.0;
const BOTTOM: f64 = 60.0;
/// Between the lines across, as a divergence.
const STEP: f64 = 0.2;

/// Draws the lines over `x`, ascending, and a mark at `mark`, which `note` explains.
pub fn svg(title: &str, x: &[f64], lines: &[Line], mark: f64, note: &str) -> String {
    let x_max = x.last().copied().unwrap_or(1.0);
    let highest = lines.iter().flat_map(|line| line.mean.iter().zip(&line.deviation)).map(|(m, d)| m + d);
    let y_max = (highest.fold(0.0, f64::max) / STEP).ceil() * STEP;
    let right = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * value / x_max;
    let down = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / y_max;
    let place = |x: f64, y: f64| format!("{:.1},{:.1}", right(x), down(y));
    let joined = |places: Vec<String>| places.join(" ");

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let mut add = |element: String| writeln!(svg, "{element}").expect("a string takes what it is given");
    let text = |x: f64, y: f64, anchor: &str, more: &str, what: &str| {
        format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{more}>{what}</text>")
    };
    let rule = |from: (f64, f64), to: (f64, f64), stroke: &str| {
        format!("<path d=\"M{:.1},{:.1} L{:.1},{:.1}\" stroke=\"{stroke}\"/>", from.0, from.1, to.0, to.1)
    };
    add(text(WIDTH / 2.0, 25.0, "middle", " font-size=\"16\"", title));
    for at in (0..=5).map(|tick| x_max * f64::from(tick) / 5.0) {
        add(rule((right(at), down(0.0)), (right(at), down(0.0) + 5.0), "black"));
        add(text(right(at), down(0.0) + 20.0, "middle", "", &format!("{at:.0}")));
    }
    for at in (0..=(y_max / STEP).round() as u32).map(|tick| STEP * f64::from(tick)) {
        add(rule((LEFT, down(at)), (WIDTH - RIGHT, down(at)), "#dddddd"));
        add(text(LEFT - 8.0, down(at) + 4.0, "end", "", &format!("{at:.1}")));
    }
    add(rule((LEFT, down(0.0)), (WIDTH - RIGHT, down(0.0)), "black"));
    add(rule((LEFT, down(0.0)), (LEFT, TOP), "black"));
    add(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 15.0, "middle", "", "points selected"));
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    let turned = format!(" transform=\"rotate(-90 20 {middle})\"");
    add(text(20.0, middle, "middle", &turned, "Kullback-Leibler divergence"));
    for line in lines {
        let edge = |sign: f64| {
            let at = x.iter().zip(line.mean.iter().zip(&line.deviation));
            at.map(|(&x, (m, d))| place(x, (m + sign * d).max(0.0))).collect::<Vec<_>>()
        };
        let band = edge(1.0).into_iter().chain(edge(-1.0).into_iter().rev()).collect();
        add(format!("<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"0.15\"/>", joined(band), line.color));
    }
    for line in lines {
        let points = joined(x.iter().zip(&line.mean).map(|(&x, &mean)| place(x, mean)).collect());
        let style = format!("fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}", line.color, dashes(line));
        add(format!("<polyline points=\"{points}\" {style}/>"));
    }
    add(format!(
        "<path d=\"M{0:.1},{1:.1} V{2:.1}\" stroke=\"black\" stroke-dasharray=\"2 3\"/>",
        right(mark),
        down(0.0),
        down(0.45 * y_max)
    ));
    add(text(right(mark), down(0.47 * y_max), "middle", "", note));
    for (row, line) in lines.iter().enumerate() {
        let y = down(0.6 * y_max) + 20.0 * row as f64;
        let x = right(0.62 * x_max);
        let style = format!("stroke=\"{}\" stroke-width=\"2\"{}", line.color, dashes(line));
        add(format!("<path d=\"M{:.1},{y:.1} h34\" {style}/>", x));
        add(text(x + 42.0, y + 4.0, "start", "", line.label));
    }
    svg + "</svg>\n"
}

fn dashes(line: &Line) -> &'static str {
    if line.dashed { " stroke-dasharray=\"7 4\"" } else { "" }
}
