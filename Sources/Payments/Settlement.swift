import Foundation
import GRDB
import Kernel
import Rails
import Storage
import Webhooks

/// The execution of one authorization on its network.
///
/// queued → sent → confirmed | failed | unknown; unknown → confirmed | failed.
/// The row reserves the authorization for ever and keeps what was sent, so that
/// after a crash the next step is always known: ask about the hash.
package struct Settlement: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable { case queued, sent, confirmed, failed, unknown }

    package let id: String
    package let sellerID: String
    package let livemode: Bool
    /// Nil where another server asked through the facilitator.
    package let paymentID: String?
    package let state: State
    package let network: String
    package let payer: String
    package let nonce: String
    package let fingerprint: String
    package let asset: String
    package let atomicAmount: String
    package let payTo: String
    package let x402Version: Int
    package let hash: String
    let raw: [UInt8]
    /// Errors so far. After five a person is asked to look.
    package let attempts: Int
    package let failure: String?
    package let nextAttemptAt: Timestamp
    package let parkedAt: Timestamp?
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    var transaction: PreparedTransaction { PreparedTransaction(network: network, hash: hash, raw: raw) }
    package var isOpen: Bool { state == .queued || state == .sent || state == .unknown }
}

extension Settlement {
    /// Reserves the authorization and writes down what is about to be sent. The caller records `queuedEvent`.
    static func queue(
        _ id: String, _ authorization: Authorization, _ transaction: PreparedTransaction, paymentID: String?, sellerID: String, livemode: Bool,
        leaseUntil: Timestamp, world: World, in db: Database
    ) throws -> Settlement {
        let moment = world.time.now()
        let now = moment.milliseconds
        try db.run(
            """
            INSERT INTO settlements (id, seller_id, livemode, payment_id, state, network, payer, nonce, fingerprint, asset, atomic_amount, pay_to,
              x402_version, hash, raw, next_attempt_at, created_at, updated_at) VALUES (?, ?, ?, ?, 'sent', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, sellerID, livemode, paymentID, authorization.network, authorization.payer, authorization.nonce, authorization.fingerprint,
                authorization.asset, authorization.atomicAmount, authorization.payTo, authorization.version, transaction.hash,
                Data(transaction.raw), leaseUntil.milliseconds, now, now,
            ])
        return Settlement(
            id: id, sellerID: sellerID, livemode: livemode, paymentID: paymentID, state: .sent, network: authorization.network,
            payer: authorization.payer, nonce: authorization.nonce, fingerprint: authorization.fingerprint, asset: authorization.asset,
            atomicAmount: authorization.atomicAmount, payTo: authorization.payTo, x402Version: authorization.version, hash: transaction.hash,
            raw: transaction.raw, attempts: 0, failure: nil, nextAttemptAt: leaseUntil, parkedAt: nil, createdAt: moment, updatedAt: moment)
    }

    var queuedEvent: Event.Draft {
        Event.Draft(
            .settlementQueued, of: ("settlement", id),
            payload: [
                "settlement_id": .string(id), "payment_attempt_id": .text(paymentID), "status": "queued", "transaction": .string(hash),
            ])
    }

    private static let byNonceSQL = "SELECT " + columns + " FROM settlements WHERE network = ? AND payer = ? AND nonce = ?"
    private static let byIDSQL = "SELECT " + columns + " FROM settlements WHERE id = ?"
    private static let byPaymentSQL = "SELECT " + columns + " FROM settlements WHERE payment_id = ?"

    /// The settlement that holds an authorization, or nil where it is free.
    package static func holding(network: String, payer: String, nonce: String, in db: Database) throws -> Settlement? {
        try db.first(byNonceSQL, [network, payer, nonce], Settlement.init(row:))
    }

    package static func find(_ id: String, in db: Database) throws -> Settlement? {
        try db.first(byIDSQL, [id], Settlement.init(row:))
    }

    package static func of(payment id: String, in db: Database) throws -> Settlement? {
        try db.first(byPaymentSQL, [id], Settlement.init(row:))
    }

    package static let dueSQL =
        "SELECT " + columns + " FROM settlements WHERE state IN ('queued', 'sent', 'unknown') AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?"

    /// Settlements that nobody carries and whose time has come, at most `limit`.
    static func due(at now: Timestamp, limit: Int, in db: Database) throws -> [Settlement] {
        try db.rows(dueSQL, [now.milliseconds, limit]).compactMap(Settlement.init(row:))
    }

    /// When the next one is due, or nil where all have ended.
    static func nextDue(in db: Database) throws -> Timestamp? {
        try db.row(
            "SELECT next_attempt_at FROM settlements WHERE state IN ('queued', 'sent', 'unknown') ORDER BY next_attempt_at LIMIT 1")?[0]
    }

    /// Takes the lease; false when someone else has it or the settlement has ended.
    func claim(until: Timestamp, at now: Timestamp, in db: Database) throws -> Bool {
        try db.moved(
            "UPDATE settlements SET next_attempt_at = ? WHERE id = ? AND state IN ('queued', 'sent', 'unknown') AND next_attempt_at <= ?",
            [until.milliseconds, id, now.milliseconds])
    }

    /// Gives every lease back: at start, since whoever had one is gone.
    package static func endLeases(at now: Timestamp, in db: Database) throws {
        try db.run(
            "UPDATE settlements SET next_attempt_at = ? WHERE state IN ('queued', 'sent', 'unknown') AND next_attempt_at > ?",
            [now.milliseconds, now.milliseconds])
    }

    /// Ends or suspends it; false when someone else did first.
    static func move(_ id: String, to state: State, failure: String? = nil, at now: Timestamp, in db: Database) throws -> Bool {
        try db.moved(
            """
            UPDATE settlements SET state = ?, failure = CASE WHEN ? = 'confirmed' THEN NULL ELSE coalesce(?, failure) END, updated_at = ?
            WHERE id = ? AND state IN ('queued', 'sent', 'unknown') AND state <> ?
            """, [state.rawValue, state.rawValue, failure, now.milliseconds, id, state.rawValue])
    }

    /// Notes an attempt that ended in nothing, and when to try again.
    func reschedule(at next: Timestamp, parkedAt: Timestamp?, reason: String, now: Timestamp, in db: Database) throws {
        try db.run(
            """
            UPDATE settlements SET attempts = attempts + 1, next_attempt_at = ?, parked_at = coalesce(parked_at, ?), failure = ?, updated_at = ?
            WHERE id = ? AND state IN ('queued', 'sent', 'unknown')
            """, [next.milliseconds, parkedAt?.milliseconds, reason, now.milliseconds, id])
    }

    private static let columns = """
        id, seller_id, livemode, payment_id, state, network, payer, nonce, fingerprint, asset, atomic_amount, pay_to, x402_version, hash, raw,
        attempts, failure, next_attempt_at, parked_at, created_at, updated_at
        """

    private init?(row: Row) {
        var columns = Columns(row)
        id = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        paymentID = columns.next()
        guard let state = State(rawValue: columns.next()) else { return nil }
        self.state = state
        network = columns.next()
        payer = columns.next()
        nonce = columns.next()
        fingerprint = columns.next()
        asset = columns.next()
        atomicAmount = columns.next()
        payTo = columns.next()
        x402Version = columns.next()
        hash = columns.next()
        let bytes: Data = columns.next()
        raw = [UInt8](bytes)
        attempts = columns.next()
        failure = columns.next()
        nextAttemptAt = columns.next()
        parkedAt = columns.next()
        createdAt = columns.next()
        updatedAt = columns.next()
    }
}
