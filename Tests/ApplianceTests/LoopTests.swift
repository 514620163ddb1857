import Appliance
import Kernel
import Logging
import ServiceLifecycle
import Simulation
import Storage
import Synchronization
import Testing

/// A number that several tasks count up.
private final class Counter: Sendable {
    private let held = Mutex(0)
    var value: Int { held.withLock { $0 } }

    @discardableResult func up() -> Int {
        held.withLock { held in
            held += 1
            return held
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct LoopTests {
    let time: SimulatedTime
    let health = WorkerHealth()
    let nudge = Nudge()

    init() {
        time = World.simulated(seed: 1).time
        time.hold()
    }

    private func make(_ tick: @escaping @Sendable () async throws -> Timestamp?) -> Loop {
        Loop("settlement", every: .seconds(30), nudge: nudge, time: time, health: health, logger: quiet, tick: tick)
    }

    private var quiet: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

    /// Runs `loop` while `body` does, then asks it to stop and waits for it.
    private func run(_ loop: Loop, while body: @escaping @Sendable () async -> Void) async throws {
        let group = ServiceGroup(services: [loop], logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `a stop request ends the pause and not the tick`() async throws {
        let begun = Counter()
        let ended = Counter()
        let loop = make {
            begun.up()
            for _ in 0..<100 { await Task.yield() }
            ended.up()
            return nil
        }
        try await run(loop) { while begun.value == 0 { await Task.yield() } }
        #expect(begun.value == 1)
        #expect(ended.value == 1)
    }

    @Test func `a nudge wakes the loop, even one given during a tick`() async throws {
        let ticks = Counter()
        let nudge = self.nudge
        let loop = make {
            if ticks.up() == 1 { nudge.nudge() }
            return nil
        }
        try await run(loop) { [time] in
            while ticks.value < 2 || time.sleeperCount == 0 { await Task.yield() }
            nudge.nudge()
            while ticks.value < 3 { await Task.yield() }
        }
        #expect(ticks.value == 3)
        #expect(time.elapsed() == .zero)
    }

    @Test func `a due time before the poll shortens the pause`() async throws {
        let ticks = Counter()
        let loop = make { [time] in
            ticks.up()
            return time.now() + .seconds(2)
        }
        try await run(loop) { [time] in
            while time.sleeperCount == 0 { await Task.yield() }
            time.advance(by: .seconds(2))
            while ticks.value < 2 { await Task.yield() }
        }
        #expect(ticks.value == 2)
    }

    @Test func `an unexpected error is survived`() async throws {
        let ticks = Counter()
        let loop = make {
            if ticks.up() == 1 { throw DiskFailure(path: "x", reason: "test") }
            return nil
        }
        try await run(loop) { [time] in
            while time.sleeperCount == 0 { await Task.yield() }
            time.advance(by: Loop.pauseAfterError)
            while ticks.value < 2 { await Task.yield() }
        }
        #expect(ticks.value == 2)
    }

    @Test func `a store that has stopped ends the loop`() async {
        let loop = make { throw StoreFailure.stopped("fsync failed") }
        await #expect(throws: StoreFailure.self) { try await loop.run() }
    }

    @Test func `a worker that stays away is dead, and one that comes back is not`() {
        health.started("settlement", every: .seconds(30), at: .zero)
        #expect(health.dead(at: .seconds(90)) == [])
        #expect(health.dead(at: .seconds(91)) == ["settlement"])
        health.finished("settlement", at: .seconds(91))
        #expect(health.dead(at: .seconds(92)) == [])
        #expect(health.names == ["settlement"])
    }

    @Test func `a cancelled wait ends and leaves later nudges alone`() async {
        let nudge = self.nudge
        let time = self.time
        let waiting = Task { await nudge.wait(atMost: .seconds(3_600), time: time) }
        while time.sleeperCount == 0 { await Task.yield() }
        waiting.cancel()
        await waiting.value
        nudge.nudge()
        await nudge.wait(atMost: .seconds(3_600), time: time)
        #expect(time.elapsed() == .zero)
    }
}
