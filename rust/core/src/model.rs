//! Which models are Gemma 4, by their names, and the sizes as far as prompts differ.

use core::fmt;

use crate::event::named;

named! {
    /// The sizes of Gemma 4 as far as their prompts differ.
    Model {
        /// E2B and E4B.
        Small = "small",
        /// 12B, 26B-A4B and 31B: without thinking, generation starts behind an empty thought.
        Large = "large",
        /// The one that writes by diffusion.
        Diffusion = "diffusion",
    }
}

/// Behind `gemma` and before its number.
const JOINTS: [char; 3] = ['-', '_', ' '];

const SIZES: [(&str, Model); 7] = [
    ("e2b", Model::Small),
    ("e4b", Model::Small),
    ("small", Model::Small),
    ("12b", Model::Large),
    ("26b", Model::Large),
    ("31b", Model::Large),
    ("large", Model::Large),
];

/// Whether the id of a model, or the path of its file or folder, is a Gemma 4's.
///
/// The rule is `model-name` of `DESIGN.md`; case does not matter. The diffusion model is one too.
pub fn is_gemma4(id: &str) -> bool {
    named(id).is_some()
}

/// Which of the sizes the id of a model, or the path of its file or folder, names.
///
/// None where it is no Gemma 4 (see [`is_gemma4`]) or names none of the known sizes.
pub fn model_kind(id: &str) -> Option<Model> {
    named(id)?.kind
}

/// A name of a Gemma 4.
struct Named {
    /// Its size, where it says one.
    kind: Option<Model>,
}

/// Rule `model-name`; none for other models.
fn named(id: &str) -> Option<Named> {
    let id = id.to_ascii_lowercase();
    let mut parts = id.rsplit(['/', '\\']).filter(|part| !part.is_empty()).enumerate();
    let (behind, part) = parts.find(|(_, part)| part.contains("gemma"))?;
    let named = starts(part).find_map(named_at)?;
    // A folder or an organisation says what is in it only where it is called as a model is.
    (behind == 0 || named.kind.is_some()).then_some(named)
}

/// The rest of the text from each of its words on.
fn starts(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.match_indices(is_joint).filter_map(|(at, joint)| text.get(at + joint.len()..));
    core::iter::once(text).chain(behind)
}

/// The name that the text starts with.
fn named_at(text: &str) -> Option<Named> {
    let diffusion = text.strip_prefix("diffusion").map(|rest| rest.strip_prefix(JOINTS).unwrap_or(rest));
    let text = diffusion.unwrap_or(text).strip_prefix("gemma")?;
    let number = text.strip_prefix(JOINTS).unwrap_or(text);
    let (digits, rest) = number.split_at_checked(number.find(|letter| !is_digit(letter)).unwrap_or(number.len()))?;
    let kind = diffusion.map(|_| Model::Diffusion);
    if digits.is_empty() || !at_joint(rest) {
        // No number follows. (It may be a size: "26b".)
        return (kind.is_some() && at_joint(text)).then_some(Named { kind });
    }
    let goes_on = rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(is_digit));
    if digits != "4" || goes_on {
        return None;
    }
    let size = |word| SIZES.iter().find(|(size, _)| *size == word).map(|(_, model)| *model);
    Some(Named { kind: kind.or_else(|| rest.split(is_joint).find_map(size)) })
}

/// Whether the text is empty or starts between words.
fn at_joint(text: &str) -> bool {
    text.chars().next().is_none_or(is_joint)
}

const fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// Words are runs of ASCII letters and digits and of everything beyond ASCII.
const fn is_joint(letter: char) -> bool {
    letter.is_ascii() && !letter.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn sizes() {
        for (id, kind) in [
            ("google/gemma-4-26b-a4b", Model::Large),
            ("google/gemma-4-31B-it", Model::Large),
            ("gemma4:31b", Model::Large),
            ("gemma_4_12b", Model::Large),
            ("gemma4-large", Model::Large),
            ("unsloth/gemma-4-E4B-it-GGUF", Model::Small),
            ("gemma-4-E2B-it-Q4_K_M.gguf", Model::Small),
            ("C:\\models\\gemma-4-e2b-it\\", Model::Small),
            ("models--google--gemma-4-E4B-it/snapshots/0123abc", Model::Small),
            ("google.gemma-4-31b-it-v1:0", Model::Large),
            ("diffusiongemma-26B-A4B-it", Model::Diffusion),
            ("google/diffusion-gemma-4-26b", Model::Diffusion),
        ] {
            assert_eq!(model_kind(id), Some(kind), "{id}");
            assert!(is_gemma4(id), "{id}");
        }
    }

    #[test]
    fn sizes_that_are_not_told() {
        for id in ["gemma4", "gemma4:latest", "google/gemma-4", "gemma-4.gguf", "gemma-4-9b", "gemma4-ſmall", "Gemma 4"]
        {
            assert_eq!(model_kind(id), None, "{id}");
            assert!(is_gemma4(id), "{id}");
        }
    }

    #[test]
    fn other_models() {
        for id in [
            "",
            "gemma",
            "gemma-4b",
            "gemma-3-4b",
            "gemma-2-4-9b",
            "gemma-4.5-31b",
            "gemma-44",
            "my-gemma-40b",
            "codegemma-4",
            "embeddinggemma-4-300m",
            "égemma-4",
            "gemma-4é",
            "gemma--4",
            "gemma-4/llama-3",
            "gemma-4-31b/gemma-3-4b",
            "diffusiongemma-3-1b",
            "diffusiongemmas",
        ] {
            assert_eq!(model_kind(id), None, "{id}");
            assert!(!is_gemma4(id), "{id}");
        }
    }

    #[test]
    fn long_ids_take_linear_time() {
        for part in ["gemma-", "-gemma-3", "gemma4x", "/", "-", "4", "é", "diffusion-gemma-3 "] {
            let id: String = core::iter::repeat_n(part, 1 << 18).collect();
            assert!(!is_gemma4(&id), "{part}");
        }
    }
}
