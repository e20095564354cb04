//! The words of a spec: fields that take one of a few. Each word is written once, here beside its meaning; the parser, the
//! JSON Schema, forms, messages and XML take it from there. (strum would need it twice: serde and schemars do not read its
//! attributes.)

/// An enum whose values are words of the spec.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All of them, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word: as the spec writes it, and libvirt where it has the same word.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value that the spec writes as `word`.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == word)
            }
        }
    };
}

pub(super) use words;

#[cfg(test)]
mod tests {
    #![allow(unreachable_pub)]
    words! {
        /// Directions.
        Way {
            /// To the left.
            Left = "left",
            /// Straight on.
            StraightOn = "straight-on",
        }
    }

    #[test]
    fn a_word_is_the_same_for_serde_for_the_schema_and_by_name() {
        for way in Way::ALL {
            assert_eq!(serde_json::to_value(way).ok(), Some(way.name().into()));
            assert_eq!(Way::named(way.name()), Some(*way));
        }
        let schema = schemars::schema_for!(Way).to_value().to_string();
        assert!(schema.contains(r#""const":"straight-on""#) && schema.contains("To the left."), "{schema}");
        assert_eq!(Way::named("right"), None);
    }
}
