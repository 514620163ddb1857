import GRDB
import Goods
import Kernel
import Rails
import Storage
import Webhooks

extension Cashier {
    /// What carrying a settlement came to.
    enum Carried: Sendable {
        case sold(Sale, Settlement)
        /// No sale came of it just now: the rows say what is known.
        case ended(Settlement)
    }

    /// Brings a settlement one step on: sends it or asks what became of it, and
    /// records the outcome. The paying request and the worker both run this.
    ///
    /// - Parameters:
    ///   - isFresh: Nothing was ever sent, so there is nothing to ask about first.
    ///   - isInHand: The caller has taken it up already.
    ///   - counts: Whether a failure is one of the settlement's attempts. A buyer who
    ///     asks again has it looked at at once, and uses none of them up.
    /// - Throws: `StoreFailure` where the outcome cannot be written: the worker
    ///   takes it up again.
    func carry(_ settlement: Settlement, isFresh: Bool, isInHand: Bool = false, counts: Bool = true) async throws -> Carried {
        guard isInHand || hands.take(settlement.id) else { return .ended(settlement) }
        do {
            let carried = try await carryInHand(settlement, isFresh: isFresh, counts: counts)
            hands.putDown(settlement.id, unfinished: false)
            return carried
        } catch {
            hands.putDown(settlement.id, unfinished: true)
            nudge.nudge()
            throw error
        }
    }

    private func carryInHand(_ settlement: Settlement, isFresh: Bool, counts: Bool) async throws -> Carried {
        guard let rail = rails[settlement.network] else {
            try await postpone(settlement, "no rail for \(settlement.network)")
            return .ended(settlement)
        }
        do {
            let transaction = settlement.transaction
            if !isFresh, let known = try await rail.outcome(of: transaction) { return try await record(known, of: settlement) }
            // Never seen by the network: the same bytes again move the money at most once.
            return try await record(try await rail.settle(transaction), of: settlement)
        } catch NetworkFailure.noAnswer {
            try await suspend(settlement, counts: counts)
        } catch NetworkFailure.unreachable {
            if counts { try await postpone(settlement, "the network could not be reached") }
        }
        return .ended(settlement)
    }

    private func record(_ outcome: Outcome, of settlement: Settlement) async throws -> Carried {
        let world = world
        switch outcome {
        case .confirmed:
            let sale = try await store.write { db in try Sale.complete(settlement, world: world, in: db) }
            return sale.map { .sold($0, settlement) } ?? .ended(settlement)
        case .failed(let reason, let message):
            try await store.write { db in try settlement.fail(reason, message, world: world, in: db) }
        case .pending:
            let next = world.time.now() + .seconds(1)
            try await store.write { db in try settlement.look(again: next, in: db) }
            nudge.nudge()
        }
        return .ended(settlement)
    }

    /// The answer was lost: from now on the hash is asked about.
    private func suspend(_ settlement: Settlement, counts: Bool) async throws {
        let world = world
        let (next, parked) = backoff(settlement)
        try await store.write { db in
            let now = world.time.now()
            let isNews = try Settlement.move(settlement.id, to: .unknown, at: now, in: db)
            if isNews {
                var events = [settlement.event(.settlementUnknown, status: "unknown")]
                if let payment = settlement.paymentID, try Payment.move(payment, from: [.settling], to: .unknown, at: now, in: db) {
                    events.append(
                        Event.Draft(
                            .paymentUnknown, of: ("payment_attempt", payment),
                            payload: ["payment_attempt_id": .string(payment), "status": "unknown", "transaction": .string(settlement.hash)]))
                }
                try Event.record(events, sellerID: settlement.sellerID, livemode: settlement.livemode, world: world, in: db)
            }
            if counts || isNews { try settlement.reschedule(at: next, parkedAt: parked, reason: "the answer was lost", now: now, in: db) }
        }
        nudge.nudge()
    }

    /// Nothing left this machine: the state stays, and the same is tried later.
    private func postpone(_ settlement: Settlement, _ reason: String) async throws {
        let world = world
        let (next, parked) = backoff(settlement)
        try await store.write { db in try settlement.reschedule(at: next, parkedAt: parked, reason: reason, now: world.time.now(), in: db) }
        nudge.nudge()
    }

    /// attempts² × 30 s, the first after a second, at most an hour apart. From the
    /// fifth on a person is asked to look; the lookups go on all the same.
    private func backoff(_ settlement: Settlement) -> (next: Timestamp, parkedAt: Timestamp?) {
        let now = world.time.now()
        let wait = settlement.attempts == 0 ? 1 : min(3_600, settlement.attempts * settlement.attempts * 30)
        return (now + .seconds(wait), settlement.attempts + 1 >= rules.attempts ? now : nil)
    }
}

extension Settlement {
    /// Ends it without a sale: nothing was charged, and what was held is free again.
    fileprivate func fail(_ reason: X402Refusal.Reason, _ message: String, world: World, in db: Database) throws {
        let now = world.time.now()
        guard try Settlement.move(id, to: .failed, failure: reason.rawValue, at: now, in: db) else { return }
        var events = [event(.settlementFailed, status: "failed")]
        guard let paymentID else { return try Event.record(events, sellerID: sellerID, livemode: livemode, world: world, in: db) }
        guard try Payment.move(paymentID, from: [.settling, .unknown], to: .failed, failure: reason.rawValue, at: now, in: db),
            let payment = try Payment.find(paymentID, in: db)
        else { preconditionFailure("a settlement that can still fail has a payment that can") }
        events.append(
            Event.Draft(
                .paymentFailed, of: ("payment_attempt", paymentID),
                payload: [
                    "payment_attempt_id": .string(paymentID), "status": "failed", "reason": .string(reason.rawValue), "detail": .string(message),
                    "purchaser_address": .string(payer), "transaction": .string(hash),
                ]))
        try Event.record(events, sellerID: sellerID, livemode: livemode, world: world, in: db)
        try payment.release(world: world, in: db)
        try AuditLog.record("payment.failed", of: paymentID, by: .till, at: now, in: db)
    }

    /// Seen by the network and not final: asked about again, which is no error.
    fileprivate func look(again next: Timestamp, in db: Database) throws {
        try db.run(
            "UPDATE settlements SET next_attempt_at = ? WHERE id = ? AND state IN ('queued', 'sent', 'unknown')", [next.milliseconds, id])
    }
}
