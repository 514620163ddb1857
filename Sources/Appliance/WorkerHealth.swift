import Kernel
import Synchronization

/// When each worker last finished a tick, so that a dead one is noticed.
///
/// Times are `Time.elapsed()`: a clock that is set does not kill a worker.
package final class WorkerHealth: Sendable {
    /// How late a tick may be, beyond the worker's own interval.
    package static let grace: Duration = .seconds(60)

    private struct Beat {
        let every: Duration
        var last: Duration
    }

    private let beats = Mutex<[String: Beat]>([:])

    package init() {}

    /// A worker's loop has begun. Its first tick is awaited from here on.
    package func started(_ name: String, every: Duration, at elapsed: Duration) {
        beats.withLock { $0[name] = Beat(every: every, last: elapsed) }
    }

    /// A tick ended without an error. One that fails does not count: a worker that
    /// only ever fails is as good as dead.
    package func finished(_ name: String, at elapsed: Duration) {
        beats.withLock { $0[name]?.last = elapsed }
    }

    /// The workers that have not finished a tick in time, by name.
    package func dead(at elapsed: Duration) -> [String] {
        let late: [String] = beats.withLock { beats in
            beats.filter { elapsed - $0.value.last > $0.value.every + Self.grace }.map { $0.key }
        }
        return late.sorted()
    }

    /// Every worker that has begun, by name.
    package var names: [String] {
        let all: [String] = beats.withLock { Array($0.keys) }
        return all.sorted()
    }
}
