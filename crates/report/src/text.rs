//! Numbers, sizes and times in words.

/// `1 image`, `12 images`, `3,000 images`.
pub fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number as u64))
}

/// `1 class`, `2 classes`.
pub fn classes(number: usize) -> String {
    let ending = if number == 1 { "" } else { "es" };
    format!("{number} class{ending}")
}

/// `3,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `82.5%`, `100%`: one decimal place where it is meaningful.
pub fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    if tenths.fract() == 0.0 {
        format!("{tenths:.0}%")
    } else {
        format!("{tenths:.1}%")
    }
}

/// `62%`: for figures that are not known more precisely.
pub fn whole(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// `3.1 of 6.7 MB`, or `3.1 MB` when the total is unknown.
pub fn megabytes(done: u64, total: u64) -> String {
    let mb = |bytes: u64| bytes as f64 / 1_000_000.0;
    if total == 0 {
        format!("{:.1} MB", mb(done))
    } else {
        format!("{:.1} of {:.1} MB", mb(done.min(total)), mb(total))
    }
}

/// `about 8 s left`, `about 2 min left`: never more precise than an estimate can be.
pub fn remaining(remaining_ms: f64) -> String {
    let seconds = (remaining_ms / 1000.0).max(0.0);
    if seconds < 1.0 {
        "almost done".into()
    } else if seconds < 20.0 {
        format!("about {seconds:.0} s left")
    } else if seconds < 90.0 {
        format!("about {:.0} s left", (seconds / 5.0).round() * 5.0)
    } else if seconds < 5400.0 {
        format!("about {:.0} min left", seconds / 60.0)
    } else {
        format!("about {:.1} h left", seconds / 3600.0)
    }
}

/// `0.8 s`, `42 s`, `3 min 5 s`: a time that was measured.
pub fn duration(elapsed_ms: f64) -> String {
    let seconds = elapsed_ms / 1000.0;
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

/// The sentence with its first letter in upper case.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(count(1, "image"), "1 image");
        assert_eq!(count(3000, "image"), "3,000 images");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(classes(2), "2 classes");
        assert_eq!(percent(0.8246), "82.5%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(whole(0.8246), "82%");
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(megabytes(3_100_000, 6_720_000), "3.1 of 6.7 MB");
        assert_eq!(megabytes(3_100_000, 0), "3.1 MB");
        assert_eq!(remaining(400.0), "almost done");
        assert_eq!(remaining(2_200.0), "about 2 s left");
        assert_eq!(remaining(43_000.0), "about 45 s left");
        assert_eq!(remaining(600_000.0), "about 10 min left");
        assert_eq!(duration(830.0), "0.8 s");
        assert_eq!(duration(185_000.0), "3 min 5 s");
    }

    #[test]
    fn sentences() {
        assert_eq!(
            sentence("there is only one class."),
            "There is only one class."
        );
        assert_eq!(sentence("über"), "Über");
        assert_eq!(sentence(""), "");
    }
}
