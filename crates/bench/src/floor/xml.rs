//! As much XML as OpenCV's calibrations need: the numbers of a named element.

/// The numbers in the first element `name`: those of its `data` if it has one, else its own text.
pub(super) fn numbers(text: &str, name: &str) -> Result<Vec<f64>, String> {
    let inside = element(text, name).ok_or_else(|| format!("no element <{name}>"))?;
    let inside = element(inside, "data").unwrap_or(inside);
    inside
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| match word.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(x),
            _ => {
                let word: String = word.chars().take(40).collect();
                Err(format!("\"{word}\" in <{name}> is not a number"))
            }
        })
        .collect()
}

/// As [`numbers`], and exactly `N` of them.
pub(super) fn exactly<const N: usize>(text: &str, name: &str) -> Result<[f64; N], String> {
    let all = numbers(text, name)?;
    let n = all.len();
    all.try_into()
        .map_err(|_| format!("<{name}> has {n} numbers, not {N}"))
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}");
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(&open)?;
        let rest = text.get(at + open.len()..)?;
        // `<data>` is not `<data_type>`.
        if rest.starts_with(|c: char| c == '>' || c.is_whitespace()) {
            let start = rest.find('>')? + 1;
            let body = rest.get(start..)?;
            let end = body.find(&format!("</{name}>"))?;
            return body.get(..end);
        }
        from = at + open.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opencv_writes_it_so() {
        let text = "<?xml version=\"1.0\"?>\n<opencv_storage>\n<camera_matrix type_id=\"opencv-matrix\">\n\
            <rows>1</rows>\n<cols>2</cols>\n<dt>f</dt>\n<data>\n 1.5e+03 0.</data></camera_matrix>\n\
            <rvec>\n 1.75 -0.5 3</rvec></opencv_storage>";
        assert_eq!(exactly::<2>(text, "camera_matrix"), Ok([1500.0, 0.0]));
        assert_eq!(exactly::<3>(text, "rvec"), Ok([1.75, -0.5, 3.0]));
        assert_eq!(
            exactly::<2>(text, "rvec"),
            Err("<rvec> has 3 numbers, not 2".into())
        );
        assert_eq!(numbers(text, "tvec"), Err("no element <tvec>".into()));
        assert_eq!(
            numbers("<a>x</a>", "a"),
            Err("\"x\" in <a> is not a number".into())
        );
        assert_eq!(numbers("<a>1", "a"), Err("no element <a>".into()));
    }
}
