import Kernel
import Storage

/// Carries the settlements that no paying request carries: after a crash, a lost
/// answer, or a network that could not be reached.
package struct SettlementWorker: Sendable {
    private let cashier: Cashier

    package init(_ cashier: Cashier) { self.cashier = cashier }

    /// Most settlements of one tick. The next tick takes the rest.
    private static let batch = 100

    /// Carries everything due now, and returns when the next one is due.
    @discardableResult
    package func tick() async throws -> Timestamp? {
        let now = cashier.world.time.now()
        let dropped = cashier.hands.dropped
        let found = try await cashier.store.read { db in
            try dropped.compactMap { try Settlement.find($0, in: db) }.filter(\.isOpen) + Settlement.due(at: now, limit: Self.batch, in: db)
        }
        for id in dropped where !found.contains(where: { $0.id == id }) { cashier.hands.forget(id) }
        let settlements = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }.values.sorted { $0.id < $1.id }
        try await carry(settlements)
        return try await cashier.store.read { db in try Settlement.nextDue(in: db) }
    }

    /// Some at once, so that one slow network does not hold up the rest. A failure
    /// to write is thrown once all have been tried.
    private func carry(_ settlements: [Settlement]) async throws {
        try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            var failure: (any Error)?
            for (place, settlement) in settlements.enumerated() {
                if place >= cashier.rules.concurrency, let error = try await group.next() ?? nil { failure = error }
                group.addTask {
                    do { try await self.carry(settlement) } catch { return error }
                    return nil
                }
            }
            while let ended = try await group.next() { if let ended { failure = ended } }
            if let failure { throw failure }
        }
    }

    private func carry(_ settlement: Settlement) async throws {
        let world = cashier.world
        let lease = cashier.rules.lease
        let wasDropped = cashier.hands.hasDropped(settlement.id)
        // A settlement this process put down has our own lease on it still.
        let claimed = try await cashier.store.write { db in
            let now = world.time.now()
            return try settlement.claim(until: now + lease, at: wasDropped ? settlement.nextAttemptAt : now, in: db)
        }
        if claimed { _ = try await cashier.carry(settlement, isFresh: false) }
    }
}
