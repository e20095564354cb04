//! The screen the wizard is drawn on: takes a frame, writes what differs, once. Owns no mode of the terminal.
//!
//! ratatui's `Terminal` hands a backend the cells that differ from its own last frame, and the backend for crossterm
//! writes each as it comes: 27 bytes for a frame that changes nothing, a cursor move for every gap. Here the frame is
//! taken whole before ratatui compares anything, and the encoder compares it with what the terminal shows. Typing one
//! character is then that character; a frame without a change writes nothing and makes no system call. `tests/it/bytes.rs`
//! compares the two.

use std::convert::Infallible;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::{Frame, Terminal};

use super::capability::TerminalCapabilities;
use super::encoder::Encoder;

/// A full screen that is drawn on `W`, which gets one `write` per frame.
#[derive(Debug)]
pub struct Screen<W> {
    frames: Terminal<Surface>,
    encoder: Encoder,
    sink: W,
}

impl<W: Write> Screen<W> {
    /// A screen of `size` about which nothing is known: the first frame clears it.
    pub fn new(sink: W, size: Size, terminal: &TerminalCapabilities) -> Self {
        let Ok(frames) = Terminal::new(Surface { size, cursor: Position::ORIGIN, cursor_shown: false });
        Self { frames, encoder: Encoder::new(size, terminal), sink }
    }

    /// Draws one frame and returns how many bytes it took: 0 if the terminal already shows it.
    ///
    /// The cursor is shown where the frame sets it, and hidden if it sets none.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<usize> {
        let Self { frames, encoder, sink } = self;
        encoder.begin();
        let Ok(_) = frames.draw(|frame| {
            render(frame);
            encoder.cells(frame.buffer_mut());
        });
        let surface = frames.backend();
        let bytes = encoder.finish(surface.cursor_shown.then_some(surface.cursor));
        if bytes.is_empty() {
            return Ok(0);
        }
        let length = bytes.len();
        // Half a frame may have gone out before an error, so the next one must not build on it.
        let written = sink.write_all(bytes).and_then(|()| sink.flush());
        written.inspect_err(|_| encoder.forget()).map(|()| length)
    }

    /// Takes note of the terminal's new size. The next frame is drawn from nothing, since terminals differ in what
    /// they leave on the screen.
    pub fn resize(&mut self, size: Size) {
        if self.frames.backend().size != size {
            self.frames.backend_mut().size = size;
            self.encoder.resize(size);
        }
    }

    /// Draws the next frame from nothing, after something else has written on the terminal.
    pub fn forget(&mut self) {
        self.encoder.forget();
    }

    /// The size frames are drawn at.
    pub fn size(&self) -> Size {
        self.frames.backend().size
    }

    /// What frames are written to.
    pub fn sink_mut(&mut self) -> &mut W {
        &mut self.sink
    }
}

/// ratatui's side of the screen: has a size, remembers where the frame wants the cursor, and writes nothing.
#[derive(Debug)]
struct Surface {
    size: Size,
    cursor: Position,
    cursor_shown: bool,
}

impl Backend for Surface {
    type Error = Infallible;

    /// Does nothing, and so leaves the lazy comparison that `content` is undone: the encoder makes its own.
    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, _content: I) -> Result<(), Infallible> {
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_shown = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_shown = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = position.into();
        Ok(())
    }

    /// Nothing to do: [`Screen::resize`] is the only reason for ratatui to clear, and the encoder knows of it.
    fn clear(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_region(&mut self, _region: ClearType) -> Result<(), Infallible> {
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
