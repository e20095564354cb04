//! What keys and commands mean. `app::acting` and the pages decide the outcome.

use super::focus::Motion;
use super::step::StepId;

/// What a key or a command means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Moves in the list that has the focus.
    Move(Motion),
    /// To the next field, into its text where it has one.
    NextField,
    /// Takes the text and goes on to the next field; never out of the form.
    AcceptField,
    /// To the field before.
    PreviousField,
    /// The value before in the list of known values.
    Left,
    /// The next value.
    Right,
    /// Opens what has the focus.
    Open,
    /// Selects or clears what has the focus.
    Toggle,
    /// One level out.
    Close,
    /// Takes the answer, text or item that has the focus.
    Accept,
    /// The next step.
    NextStep,
    /// The step before.
    PreviousStep,
    /// A step.
    Go(StepId),
    /// Types a filter or search.
    Filter,
    /// The help.
    Help,
    /// The commands.
    Palette,
    /// To the checks and back.
    Checks,
    /// To the XML and back.
    Xml,
    /// One change back.
    Undo,
    /// One change forward.
    Redo,
    /// Copies what has the focus.
    Copy,
    /// Saves a preset or a file.
    Write,
    /// Leaves, after a question.
    Quit,
    /// Leaves after a question; the second time at once. Cancels a running build after a question.
    Interrupt,
    /// Cancels the running build, after a question.
    Cancel,
    /// Stops until the shell continues us.
    Suspend,
    /// Takes a field back to its default.
    Reset,
    /// A new row.
    AddRow,
    /// A new disk that is a copy.
    CloneRow,
    /// A new disk that exists.
    AttachRow,
    /// The installation medium.
    ChooseIso,
    /// Deletes the row.
    DeleteRow,
    /// Moves the row up.
    RowUp,
    /// Moves the row down.
    RowDown,
    /// Reads the host again.
    Refresh,
    /// Reads over SSH what libvirt does not report about a remote host, after a question; stops it while it runs.
    Probe,
    /// All fields of the forms, or those that every VM needs.
    MoreFields,
    /// The map of the host's CPUs.
    CpuMap,
    /// Pins a thread to a core.
    PlaceThread,
    /// Removes the pins of a core that were set by hand.
    FreeCore,
    /// Pins the threads, or unpins them.
    PinOrNot,
    /// The next kind of devices.
    KindFilter,
    /// Passed, held, or left with the host.
    ChangeRole,
    /// Chooses a ROM file for the device.
    ChooseRom,
    /// Compares the ways in which the guest can have an NVMe drive.
    CompareWays,
    /// The next tab.
    NextTab,
    /// The tab before.
    PreviousTab,
    /// Chooses what the XML is compared with.
    Compare,
    /// Shows what libvirt adds to every domain, or leaves it out.
    WholeDomain,
    /// The next change or hit.
    NextHunk,
    /// The change or hit before.
    PreviousHunk,
    /// Starts the VM at the end of the build, or not.
    StartAfter,
    /// Builds.
    Build,
    /// The same spec for another VM.
    AnotherVm,
    /// The whole log of the build.
    FullLog,
    /// What libvirt made of the XML that was sent.
    ShowStored,
}

impl Intent {
    /// True for what makes sense in a list of commands: not moving around.
    pub fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Move(_)
                | Self::Left
                | Self::Right
                | Self::Close
                | Self::Accept
                | Self::Go(_)
                | Self::NextField
                | Self::AcceptField
                | Self::PreviousField
                | Self::Palette
        )
    }
}
