import GRDB
import Kernel
import Storage
import Webhooks

/// Ends what time has ended: holds that nobody paid in time, and links past their expiry.
///
/// It never touches `settling` or `unknown`: a payment that may have been sent is
/// not given up on by a timer.
package struct ReservationReaper: Sendable {
    private let store: Store
    private let world: World

    package init(store: Store, world: World) {
        self.store = store
        self.world = world
    }

    private static let batch = 100

    /// Ends everything due now. Nothing here has to happen to the second: the poll is enough.
    package func tick() async throws {
        let world = world
        while try await store.write({ db in try expirePayments(world: world, in: db) }) == Self.batch {}
        while try await store.write({ db in try expireLinks(world: world, in: db) }) == Self.batch {}
    }

    private func expirePayments(world: World, in db: Database) throws -> Int {
        let now = world.time.now()
        let overdue = try Payment.overdue(at: now, limit: Self.batch, in: db)
        for payment in overdue {
            guard try Payment.move(payment.id, from: [.pending, .verified], to: .expired, at: now, in: db) else { continue }
            try Event.record(
                .paymentExpired, sellerID: payment.sellerID, livemode: payment.livemode, resource: ("payment_attempt", payment.id),
                payload: ["payment_attempt_id": .string(payment.id), "status": "expired"], world: world, in: db)
            try payment.release(world: world, in: db)
            try AuditLog.record("payment.expired", of: payment.id, by: .till, at: now, in: db)
        }
        return overdue.count
    }

    private func expireLinks(world: World, in db: Database) throws -> Int {
        let due = try PaymentLink.due(at: world.time.now(), limit: Self.batch, in: db)
        for link in due { try link.expire(world: world, in: db) }
        return due.count
    }
}
