import Kernel
import Simulation
import Synchronization
import Testing

/// Time is held in all of these: a wait that nothing ends would never return.
@Suite(.timeLimit(.minutes(1))) struct NudgeTests {
    let time: SimulatedTime
    let nudge = Nudge()

    init() {
        time = World.simulated(seed: 1).time
        time.hold()
    }

    /// Begins a wait, and returns once it is asleep.
    private func waiting() async -> Task<Void, Never> {
        let (nudge, time) = (self.nudge, self.time)
        let before = time.sleeperCount
        let task = Task { await nudge.wait(atMost: .seconds(3_600), time: time) }
        while time.sleeperCount == before { await Task.yield() }
        return task
    }

    @Test func `a nudge given while nobody waits is kept, once`() async {
        nudge.nudge()
        nudge.nudge()
        await nudge.wait(atMost: .seconds(3_600), time: time)
        let next = await waiting()
        #expect(time.sleeperCount == 1)
        nudge.nudge()
        await next.value
    }

    @Test func `nudges wake all who wait`() async {
        let tasks = [await waiting(), await waiting(), await waiting()]
        // Asleep is not yet listening: a nudge that comes between is kept, for one of them alone.
        while time.sleeperCount > 0 {
            nudge.nudge()
            await Task.yield()
        }
        for task in tasks { await task.value }
    }

    @Test func `the limit ends a wait`() async {
        let task = await waiting()
        time.advance(by: .seconds(3_599))
        #expect(time.sleeperCount == 1)
        time.advance(by: .seconds(1))
        await task.value
    }

    @Test func `cancelling ends a wait`() async {
        let task = await waiting()
        task.cancel()
        await task.value
        #expect(time.sleeperCount == 0)
    }

    @Test func `waits that ended leave nothing behind`() async {
        for _ in 0..<100 {
            let task = await waiting()
            task.cancel()
            await task.value
        }
        nudge.nudge()
        // Kept, since nobody waits any more: this returns at once.
        await nudge.wait(atMost: .seconds(3_600), time: time)
    }

    final class Work: Sendable {
        private let amount = Atomic(0)
        func add() { amount.wrappingAdd(1, ordering: .sequentiallyConsistent) }
        func take() -> Int { amount.exchange(0, ordering: .sequentiallyConsistent) }
    }

    @Test("no nudge is lost: what is done before it is seen after it", arguments: [1, 7, 100])
    func complete(_ pause: Int) async {
        let (nudge, time, work) = (self.nudge, self.time, Work())
        let total = 20_000
        let producer = Task {
            for round in 0..<total {
                work.add()
                nudge.nudge()
                if round.isMultiple(of: pause) { await Task.yield() }
            }
        }
        var done = 0
        while true {
            done += work.take()
            if done == total { break }
            await nudge.wait(atMost: .seconds(3_600), time: time)
        }
        await producer.value
        #expect(done == total)
    }
}
