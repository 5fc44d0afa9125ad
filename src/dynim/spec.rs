//! Reading bins from words.
//!
//! Not here: what the words mean ([`super::bins`]).

use std::fmt::Display;
use std::str::FromStr;

use super::bins::{Axis, BINS_MAX, Bins, Shape};
use crate::error::{Error, Result, argument};

impl FromStr for Bins {
    type Err = Error;

    /// Reads the words that [`Bins`] explains.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument), with what is missing, unknown or out of range.
    fn from_str(text: &str) -> Result<Self> {
        let shape = shape(text).map_err(|error| error.context(format!("bins {text:?}")))?;
        let bins = Self { text: text.to_owned(), shape };
        match bins.count() {
            1..=BINS_MAX => Ok(bins),
            count => Err(argument(format!("bins {text:?}: {count} bins are not in 1 ..= {BINS_MAX}: ask for fewer"))),
        }
    }
}

fn shape(text: &str) -> Result<Shape> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let mut words = Words::new(rest)?;
    let shape = match kind {
        "1d" => {
            let (dim, bins) = (words.number("dim")?, words.number("bins")?);
            let (min, max) = range(words.number("min")?, words.number("max")?)?;
            Shape::Axes(vec![Axis { dim, min, max, bins, periodic: words.flag("periodic")? }])
        }
        "spherical2" | "spherical3" => sphere(&mut words, kind == "spherical3")?,
        "cartesian3" => {
            let dims: [usize; 3] = [words.number("x")?, words.number("y")?, words.number("z")?];
            let (mins, maxs): ([f64; 3], [f64; 3]) = (words.three("min", '/')?, words.three("max", '/')?);
            let bins: [usize; 3] = words.three("bins", 'x')?;
            let periodic = match words.take("periodic") {
                None => "",
                Some(Some(axes)) => axes,
                Some(None) => return Err(argument("periodic of a box names its axes: write as in periodic=xz")),
            };
            if let Some(other) = periodic.chars().find(|axis| !"xyz".contains(*axis)) {
                return Err(argument(format!("periodic={periodic} names {other:?}: name axes, as in periodic=xz")));
            }
            let mut axes = Vec::with_capacity(3);
            for (at, name) in ['x', 'y', 'z'].into_iter().enumerate() {
                let (min, max) = range(mins[at], maxs[at])?;
                axes.push(Axis { dim: dims[at], min, max, bins: bins[at], periodic: periodic.contains(name) });
            }
            Shape::Axes(axes)
        }
        _ => {
            return Err(argument(format!(
                "the kind {kind:?} is unknown: write 1d, spherical2, spherical3 or cartesian3, as in \
                 1d:dim=0,min=-5,max=7,bins=20"
            )));
        }
    };
    words.end()?;
    Ok(shape)
}

fn sphere(words: &mut Words<'_>, with_shells: bool) -> Result<Shape> {
    let (theta, phi) = (words.number("theta")?, words.number("phi")?);
    let degrees = words.flag("degrees")?;
    let rings: Vec<usize> = match words.take("rings") {
        Some(rings) => {
            let rings = rings.ok_or_else(|| argument("rings names the bins of each ring: write as in rings=1/3/1"))?;
            list("rings", rings, '/')?
        }
        None => {
            let [rings, phi_bins] = array("bins", words.value("bins")?, 'x')?;
            if rings > BINS_MAX {
                return Err(argument(format!("bins={rings}x{phi_bins} are more than {BINS_MAX}: ask for fewer")));
            }
            vec![phi_bins; rings]
        }
    };
    if rings.contains(&0) {
        return Err(argument("a ring of 0 bins holds nothing: give each at least 1"));
    }
    let r = if with_shells {
        let (min, max) = range(words.number("min")?, words.number("max")?)?;
        Some(Axis { dim: words.number("r")?, min, max, bins: words.number("shells")?, periodic: false })
    } else {
        None
    };
    let mut before = vec![0_usize];
    for &ring in &rings {
        before.push(before[before.len() - 1].saturating_add(ring));
    }
    Ok(Shape::Sphere {
        theta: Axis::angle(theta, rings.len(), false, degrees),
        phi: Axis::angle(phi, 1, true, degrees),
        before,
        r,
    })
}

/// Checks the ends of an axis.
fn range(min: f64, max: f64) -> Result<(f64, f64)> {
    if min < max && (max - min).is_finite() {
        return Ok((min, max));
    }
    Err(argument(format!("min {min} and max {max} enclose nothing: give finite numbers, the smaller one as min")))
}

/// The comma-separated words after the kind, each once.
struct Words<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let mut words: Vec<(&str, Option<&str>)> = Vec::new();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            if words.iter().any(|(other, _)| *other == key) {
                return Err(argument(format!("{key} stands twice: say it once")));
            }
            words.push((key, value));
        }
        Ok(Self(words))
    }

    /// Removes a word; its value, if it has one.
    fn take(&mut self, key: &str) -> Option<Option<&'a str>> {
        let at = self.0.iter().position(|(other, _)| *other == key)?;
        Some(self.0.remove(at).1)
    }

    fn value(&mut self, key: &str) -> Result<&'a str> {
        self.take(key).flatten().ok_or_else(|| argument(format!("{key}=... is missing: add it")))
    }

    fn number<T: FromStr<Err: Display>>(&mut self, key: &str) -> Result<T> {
        number(key, self.value(key)?)
    }

    fn three<T: FromStr<Err: Display>>(&mut self, key: &str, mark: char) -> Result<[T; 3]> {
        array(key, self.value(key)?, mark)
    }

    fn flag(&mut self, key: &str) -> Result<bool> {
        match self.take(key) {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(value)) => Err(argument(format!("{key}={value}: {key} takes no value, leave ={value} out"))),
        }
    }

    fn end(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(argument(format!("{key:?} means nothing here: leave it out"))),
        }
    }
}

fn number<T: FromStr<Err: Display>>(key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| argument(format!("{key}={text}: {error}")))
}

fn list<T: FromStr<Err: Display>>(key: &str, text: &str, mark: char) -> Result<Vec<T>> {
    text.split(mark).map(|part| number(key, part)).collect()
}

fn array<T: FromStr<Err: Display>, const N: usize>(key: &str, text: &str, mark: char) -> Result<[T; N]> {
    let wrong =
        |parts: Vec<T>| argument(format!("{key}={text} has {} parts: give {N}, with {mark:?} between", parts.len()));
    list(key, text, mark)?.try_into().map_err(wrong)
}
