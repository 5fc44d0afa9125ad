//! Numbers in files, written as C does, so that a host in C or C++ writes the same bytes.
//!
//! Not here: which digits a column has ([`super::output`]).

/// `value` as C's `printf("%.*g", digits, value)` writes it; `digits` 1 or more. With 9 digits a float32 reads back
/// exactly, with 17 a float64 does.
pub fn format_g(value: f64, digits: usize) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_nan() {
        return format!("{sign}nan");
    }
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    // All digits are decided here, once; what follows only places the point. 0 has exponent 0.
    let scientific = format!("{:.*e}", digits - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("the format has an e");
    let exponent: i32 = exponent.parse().expect("the format has a number behind its e");
    let all: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    // %g drops zeros at the end, but keeps the one digit that every number has.
    let kept = all.trim_end_matches('0');
    let kept = if kept.is_empty() { "0" } else { kept };

    if exponent < -4 || exponent >= digits as i32 {
        let (first, rest) = kept.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.abs());
    }
    if exponent < 0 {
        return format!("{sign}0.{}{kept}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if kept.len() <= whole {
        return format!("{sign}{kept}{}", "0".repeat(whole - kept.len()));
    }
    format!("{sign}{}.{}", &kept[..whole], &kept[whole..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The C library's own.
    #[allow(unsafe_code, reason = "the oracle is C's snprintf")]
    fn snprintf_g(value: f64, digits: usize) -> String {
        let mut buffer = [0_u8; 64];
        // SAFETY: the buffer has the size that is passed, and the format takes an int and a double.
        let length =
            unsafe { libc::snprintf(buffer.as_mut_ptr().cast(), buffer.len(), c"%.*g".as_ptr(), digits as i32, value) };
        String::from_utf8(buffer[..length as usize].to_vec()).expect("ASCII")
    }

    fn check(value: f64) {
        for digits in [1, 2, 3, 6, 9, 17] {
            assert_eq!(format_g(value, digits), snprintf_g(value, digits), "{value:e} with {digits} digits");
        }
    }

    #[test]
    fn format_g_writes_what_people_expect() {
        let written = |value| format_g(value, 9);
        assert_eq!(written(f64::INFINITY), "inf");
        assert_eq!(written(0.0), "0");
        assert_eq!(written(12.5), "12.5");
        assert_eq!(written(1e9), "1e+09");
        assert_eq!(written(123_456_789.0), "123456789");
        assert_eq!(written(0.000_1), "0.0001");
        assert_eq!(written(0.000_012_5), "1.25e-05");
        assert_eq!(written(f64::from(0.1_f32)), "0.100000001");
    }

    #[test]
    fn format_g_matches_the_c_library() {
        // Every bit pattern, numbers of usual size, and ties: halves and quarters that a digit less has to round.
        let mut state = 1_u64;
        let mut next = || {
            // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        for value in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324, f64::MAX, 0.5, 1.0, 9.5] {
            check(value);
        }
        for _ in 0..20_000 {
            let bits = next();
            for any in [f64::from_bits(bits), f32::from_bits(bits as u32).into()] {
                if !any.is_nan() {
                    check(any);
                }
            }
            check((bits >> 40) as f64 / 8.0);
            check(-((bits >> 50) as f64) / 1024.0);
            check((bits >> 11) as f64 / (1_u64 << 53) as f64);
            check((bits >> 44) as f64 * 1e-7);
        }
    }

    #[test]
    fn nine_digits_read_back_a_float32_and_seventeen_a_float64() {
        for bits in (0..f32::MAX.to_bits()).step_by(99_991) {
            let value = f32::from_bits(bits);
            assert_eq!(format_g(f64::from(value), 9).parse::<f32>(), Ok(value));
            let value = f64::from(value) / 3.0;
            assert_eq!(format_g(value, 17).parse::<f64>(), Ok(value));
        }
    }
}
