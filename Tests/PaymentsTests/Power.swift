import Synchronization

/// Room on the disk and current in the wall, both of which can end.
///
/// `Store.Options.freeBytes` asks it before every commit, so that everything ends
/// between two commits: what was committed is there, what comes after is not.
final class Power: Sendable {
    private struct State {
        var isFull = false
        var isOff = false
        var commitsLeft: Int?
    }

    private let state = Mutex(State())

    /// Nothing is written until `restore()`: what is in the file now is what a crash leaves.
    func cut() { state.withLock { $0.isOff = true } }

    /// The power ends after so many commits more.
    func cut(after commits: Int) { state.withLock { $0.commitsLeft = commits } }

    /// No room on the disk, until `restore()`; the process lives on.
    func fill() { state.withLock { $0.isFull = true } }

    func restore() { state.withLock { $0 = State() } }

    var isOff: Bool { state.withLock { $0.isOff } }

    func freeBytes() -> Int64 {
        state.withLock { (state: inout State) -> Int64 in
            if let left = state.commitsLeft {
                if left == 0 { state.isOff = true }
                state.commitsLeft = max(0, left - 1)
            }
            return state.isOff || state.isFull ? 0 : 1 << 40
        }
    }
}

/// The process ended here: nothing of it is left but its file.
struct PowerCut: Error {}
