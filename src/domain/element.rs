//! A small XML tree that remembers which field of the spec made each element. Writing is in `write`, reading in `parse`.

use crate::spec::Place;
use std::borrow::Cow;

/// A text that is mostly one of the program's own words.
pub type Word = Cow<'static, str>;

/// One element. Attributes keep their order, so that equal machines give equal texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Tag, with prefix where it has one.
    pub name: Word,
    /// Attributes in order, namespace declarations included.
    pub attributes: Vec<(Word, Word)>,
    /// Children in order.
    pub children: Vec<Node>,
    /// The field of the spec that made it or would change it; `None` for what is always there.
    pub origin: Option<Place>,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, unescaped.
    Text(Word),
    /// A note of ours to who reads the document. What libvirt stores has none.
    Comment(&'static str),
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<Word>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// With one more attribute.
    #[must_use]
    pub fn attr(mut self, name: impl Into<Word>, value: impl Into<Word>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With one more child; `None` adds nothing.
    #[must_use]
    pub fn child(mut self, child: impl Into<Option<Self>>) -> Self {
        self.children.extend(child.into().map(Node::Element));
        self
    }

    /// With more children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With text; an empty one adds nothing.
    #[must_use]
    pub fn text(mut self, text: impl Into<Word>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.children.push(Node::Text(text));
        }
        self
    }

    /// With a note.
    #[must_use]
    pub(super) fn comment(mut self, note: Option<&'static str>) -> Self {
        self.children.extend(note.map(Node::Comment));
        self
    }

    /// Made by the field `place`.
    #[must_use]
    pub fn origin(mut self, place: Place) -> Self {
        self.origin = Some(place);
        self
    }

    /// Made by the top-level field `name`.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        self.origin(Place::root().key(name))
    }

    /// The child elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment(_) => None,
        })
    }

    /// The child elements, to change in place.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment(_) => None,
        })
    }

    /// The first child element of that name.
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// Sets or adds an attribute; true where that changed anything.
    pub fn set(&mut self, name: Word, value: Word) -> bool {
        match self.attributes.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) if *old == value => false,
            Some((_, old)) => {
                *old = value;
                true
            }
            None => {
                self.attributes.push((name, value));
                true
            }
        }
    }

    /// The text directly within it.
    pub fn own_text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_ref()),
            Node::Element(_) | Node::Comment(_) => None,
        });
        texts.collect()
    }
}
