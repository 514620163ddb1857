/// What goes wrong on the sandbox on purpose, for rehearsals. Zero means never.
///
/// Faults follow a count of settlements, not chance: the same run fails in the
/// same places.
package struct SandboxFaults: Sendable, Equatable {
    /// How long every settlement takes.
    package var delay: Duration
    /// Every n-th settlement never leaves: `NetworkFailure.unreachable`.
    package var failEvery: Int
    /// Every n-th settlement is executed and its answer lost: `NetworkFailure.noAnswer`.
    package var loseAnswerEvery: Int

    package init(delay: Duration = .zero, failEvery: Int = 0, loseAnswerEvery: Int = 0) {
        self.delay = delay
        self.failEvery = failEvery
        self.loseAnswerEvery = loseAnswerEvery
    }

    package static let none = SandboxFaults()

    func fails(_ number: Int) -> Bool { failEvery > 0 && number.isMultiple(of: failEvery) }
    func losesAnswer(_ number: Int) -> Bool { loseAnswerEvery > 0 && number.isMultiple(of: loseAnswerEvery) }
}
