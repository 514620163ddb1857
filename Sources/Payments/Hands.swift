import Synchronization

/// Which settlements this process carries right now, and which it had to put down.
///
/// One process has the file, so what is not in these hands is in nobody's: a lease
/// in the database that outlives its holder need not be waited for.
final class Hands: Sendable {
    private struct State {
        var carried: Set<String> = []
        var dropped: Set<String> = []
    }

    private let state = Mutex(State())

    /// Takes a settlement up; false where it is carried already.
    func take(_ id: String) -> Bool {
        state.withLock { state in
            state.dropped.remove(id)
            return state.carried.insert(id).inserted
        }
    }

    /// Puts it down. `unfinished` where the file could not be written: the worker takes it up again.
    func putDown(_ id: String, unfinished: Bool) {
        state.withLock { state in
            state.carried.remove(id)
            if unfinished { state.dropped.insert(id) }
        }
    }

    /// Forgets one that has ended while it was put down.
    func forget(_ id: String) { state.withLock { _ = $0.dropped.remove(id) } }

    /// Whether it waits for the worker to take it up again.
    func hasDropped(_ id: String) -> Bool { state.withLock { $0.dropped.contains(id) } }

    func hold(_ id: String) -> Bool { state.withLock { $0.carried.contains(id) } }

    var dropped: [String] { state.withLock { $0.dropped.sorted() } }
}
