import Kernel
import Synchronization

/// Time that passes only when somebody lets it.
///
/// Sleeping is how it passes in the simulator: a sleeper returns at once, and the
/// time is later. After `hold()` sleepers wait until `advance(by:)` reaches them.
package final class SimulatedTime: Time {
    private struct Sleeper {
        let until: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Timestamp
        var elapsed: Duration = .zero
        var held = false
        var next: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
    }

    private let state: Mutex<State>

    package init(start: Timestamp) { state = Mutex(State(now: start)) }

    package func now() -> Timestamp { state.withLock { $0.now } }

    package func elapsed() -> Duration { state.withLock { $0.elapsed } }

    /// From here on sleepers wait for `advance(by:)`.
    package func hold() { state.withLock { $0.held = true } }

    /// How many are asleep.
    package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Lets both clocks run on, and wakes whoever slept until then.
    package func advance(by duration: Duration) {
        let woken: [Sleeper] = state.withLock { state in
            state.now = state.now + duration
            state.elapsed += duration
            let due = state.sleepers.filter { $0.value.until <= state.elapsed }
            for id in due.keys { state.sleepers.removeValue(forKey: id) }
            return Array(due.values)
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Sets the wall clock, forwards or back, as a person or NTP does. Nobody wakes.
    package func set(_ time: Timestamp) { state.withLock { $0.now = time } }

    package func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let held: Bool = state.withLock { $0.held }
        guard held else { return advance(by: duration) }
        let id: UInt64 = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let stored: Bool = state.withLock { state in
                    if Task.isCancelled { return false }
                    state.sleepers[id] = Sleeper(until: state.elapsed + duration, continuation: continuation)
                    return true
                }
                if !stored { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper: Sleeper? = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
