import Synchronization

/// Wakes a loop at once when a commit has made work for it.
///
/// A nudge given while nobody waits is kept, once: the next wait returns at once.
/// So a worker that is busy when work arrives ticks again and misses nothing.
package final class Nudge: Sendable {
    private struct State {
        var pending = false
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes everyone who waits, or is kept for the next who does. Safe on any thread.
    package func nudge() {
        let woken: [CheckedContinuation<Void, Never>] = state.withLock { state in
            let waiting = Array(state.waiting.values)
            state.waiting.removeAll()
            if waiting.isEmpty { state.pending = true }
            return waiting
        }
        for waiter in woken { waiter.resume() }
    }

    /// Waits for a nudge, for `limit` at most. Returns early when the task is cancelled.
    package func wait(atMost limit: Duration, time: any Time) async {
        if takePending() { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await time.sleep(for: limit) }
            group.addTask { await self.nudged() }
            await group.next()
            group.cancelAll()
        }
    }

    private func takePending() -> Bool {
        state.withLock { state in
            let pending = state.pending
            state.pending = false
            return pending
        }
    }

    private func nudged() async {
        let id: UInt64 = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let stored: Bool = state.withLock { state in
                    // Asked under the lock: a task cancelled after this line finds its continuation
                    // stored, and one cancelled before it does not wait.
                    if Task.isCancelled { return false }
                    if state.pending {
                        state.pending = false
                        return false
                    }
                    state.waiting[id] = continuation
                    return true
                }
                if !stored { continuation.resume() }
            }
        } onCancel: {
            let abandoned: CheckedContinuation<Void, Never>? = state.withLock { $0.waiting.removeValue(forKey: id) }
            abandoned?.resume()
        }
    }
}
