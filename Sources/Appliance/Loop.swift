import Kernel
import Logging
import ServiceLifecycle
import Storage

/// Runs a worker's tick until the process is asked to stop.
///
/// Between two ticks it sleeps until the next due time, the poll interval or a
/// nudge, whichever comes first. This is the only place where a worker waits.
package struct Loop: Service {
    /// Shortest pause, so that a due time which never moves cannot take a processor.
    package static let pauseMin: Duration = .milliseconds(10)

    /// Pause after an error nobody expected. Nudges do not shorten it.
    package static let pauseAfterError: Duration = .seconds(1)

    private let name: String
    private let every: Duration
    private let nudge: Nudge
    private let time: any Time
    private let health: WorkerHealth
    private let logger: Logger
    private let tick: @Sendable () async throws -> Timestamp?

    /// - Parameters:
    ///   - name: Unique among loops; logs and `/readyz` use it.
    ///   - every: The poll interval, which is the longest pause.
    ///   - tick: Does all that is due, and returns when it wants to be called next,
    ///     or nil where only the poll or a nudge brings work.
    package init(
        _ name: String, every: Duration, nudge: Nudge, time: any Time, health: WorkerHealth, logger: Logger,
        tick: @escaping @Sendable () async throws -> Timestamp?
    ) {
        self.name = name
        self.every = every
        self.nudge = nudge
        self.time = time
        self.health = health
        self.logger = logger
        self.tick = tick
    }

    /// - Throws: `StoreFailure.stopped`, which ends the process. Any other error is
    ///   logged, and the loop goes on.
    package func run() async throws {
        health.started(name, every: every, at: time.elapsed())
        // A stop request cuts the pause short, never the tick.
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                let due = try await tick()
                health.finished(name, at: time.elapsed())
                let rest = pause(until: due)
                await cancelWhenGracefulShutdown { await nudge.wait(atMost: rest, time: time) }
            } catch StoreFailure.stopped(let reason) {
                throw StoreFailure.stopped(reason)
            } catch {
                if Task.isCancelled { return }
                logger.error("a worker failed", metadata: ["worker": "\(name)", "error": "\(error)"])
                await cancelWhenGracefulShutdown { _ = try? await time.sleep(for: Self.pauseAfterError) }
            }
        }
    }

    private func pause(until due: Timestamp?) -> Duration {
        guard let due else { return every }
        let wait: Duration = .milliseconds(due.milliseconds - time.now().milliseconds)
        return min(every, max(Self.pauseMin, wait))
    }
}
