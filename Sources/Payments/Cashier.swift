import GRDB
import Goods
import Kernel
import Rails
import Storage
import Synchronization

/// What is fixed about taking payments, from the settings.
package struct PaymentRules: Sendable {
    /// How long the terms of a 402 can be signed for. Unit: seconds.
    package var termsSeconds = 300
    /// How long a checkout holds stock.
    package var reservation: Duration = .seconds(900)
    /// How long whoever carries a settlement has it to themselves.
    package var lease: Duration = .seconds(300)
    /// Errors after which a person is asked to look.
    package var attempts = 5
    /// How long a buyer waits for the network before the answer is `settlement_pending`.
    /// Nil waits for ever: the simulator's clock jumps while somebody sleeps.
    package var answerWithin: Duration? = .seconds(20)
    /// Settlements a tick of the worker carries at once. The simulator takes one.
    package var concurrency = 16
    package init() {}
}

/// Takes payments for links: makes offers, accepts authorizations, carries them to a sale.
///
/// The paying request and the worker run the same `carry`; whoever has the lease
/// goes on, and a crash anywhere leaves rows that say where to resume.
package struct Cashier: Sendable {
    package let store: Store
    package let rails: [String: any Rail]
    package let tenders: [Tender]
    package let rules: PaymentRules
    package let world: World
    /// Wakes the settlement worker.
    package let nudge: Nudge
    let hands = Hands()

    package init(store: Store, rails: [any Rail], tenders: [Tender], rules: PaymentRules, world: World, nudge: Nudge = Nudge()) {
        self.store = store
        self.rails = Dictionary(uniqueKeysWithValues: rails.map { ($0.network, $0) })
        self.tenders = tenders
        self.rules = rules
        self.world = world
        self.nudge = nudge
    }

    /// What became of a payment that was sent to a link.
    package enum Receipt: Sendable {
        /// The sale, now or from an earlier request with the same authorization.
        case sold(Sale, Settlement)
        /// Sent, and the outcome is not known yet.
        case pending(Settlement)
        /// Nothing was charged: the reason in x402's words, and the hash where something was sent.
        case refused(X402Refusal, Settlement?)
    }

    /// The offer of a link, for a page or a 402. Writes nothing.
    ///
    /// - Parameter chosen: The amount a buyer chose for an open link.
    /// - Throws: `Problem` where there is no such link, it cannot be paid any more,
    ///   or the shelf is empty.
    package func offer(_ token: String, chosen: String? = nil) async throws -> Offer {
        try store.look { db in
            let offer = try find(token, chosen: chosen, in: db)
            if let refusal = offer.link.refusal(at: world.time.now()) { throw refusal }
            if let product = offer.link.productID { try Product.check(1, of: product, in: db) }
            return offer
        }
    }

    /// The offer as it stands, whether or not it can be taken now.
    private func find(_ token: String, chosen: String?, in db: Database) throws -> Offer {
        guard let link = try PaymentLink.find(token: token, in: db) else {
            throw Problem(.linkNotFound, "There is no payment link here. Check the address, or ask the seller.")
        }
        return try Offer.make(of: link, chosen: chosen, tenders: tenders, validSeconds: rules.termsSeconds, in: db)
    }

    /// Takes a payment for a link, or says why not.
    ///
    /// The same payload twice sells once: the second gets the first one's receipt.
    ///
    /// - Throws: `Problem` where the link or the shelf refuses: nothing was charged.
    package func pay(_ token: String, chosen: String? = nil, with payment: PaymentPayload) async throws -> (offer: Offer, receipt: Receipt) {
        // Read before the gates: a buyer who paid and lost the answer gets it, even from a link that is used up since.
        let (offer, requirements, key, known) = try store.look { db in
            let offer = try find(token, chosen: chosen, in: db)
            let requirements = offer.requirements.first { payment.matches($0) }
            guard let requirements, let rail = rails[requirements.network] else {
                return (offer, nil as PaymentRequirements?, nil as AuthorizationKey?, nil as Settlement?)
            }
            guard let key = try? rail.identify(payment, for: requirements) else { return (offer, requirements, nil, nil) }
            let known = try Settlement.holding(network: requirements.network, payer: key.payer, nonce: key.nonce, in: db)
            if known == nil {
                if let refusal = offer.link.refusal(at: world.time.now()) { throw refusal }
                if let product = offer.link.productID { try Product.check(1, of: product, in: db) }
            }
            return (offer, requirements, key, known)
        }
        guard let requirements, let rail = rails[requirements.network] else {
            return (offer, .refused(X402Refusal(.invalidRequirements, "No matching payment requirements"), nil))
        }
        if let known, let key { return (offer, try await replay(known, key, of: offer)) }
        do {
            let authorization = try await rail.verify(payment, against: requirements, at: world.time.now())
            let transaction = try await rail.prepare(authorization)
            let receipt = try await take(authorization, transaction, for: offer)
            return (offer, receipt)
        } catch let refusal as X402Refusal {
            // The same payment may have been settled by another request since it was looked up: then it is that one.
            if let key, let late = try holding(requirements.network, key) { return (offer, try await replay(late, key, of: offer)) }
            return (offer, .refused(refusal, nil))
        } catch is NetworkFailure {
            throw Problem(.networkUnavailable, "The payment network cannot be asked now. Nothing was charged; try again.")
        }
    }

    func holding(_ network: String, _ key: AuthorizationKey) throws -> Settlement? {
        try store.look { db in try Settlement.holding(network: network, payer: key.payer, nonce: key.nonce, in: db) }
    }

    /// Accepts and carries; or finds that somebody was a moment faster with the same authorization.
    private func take(_ authorization: Authorization, _ transaction: PreparedTransaction, for offer: Offer) async throws -> Receipt {
        guard let units = offer.tender(for: authorization, among: tenders) else {
            return .refused(X402Refusal(.invalidRequirements, "The amount is not a whole number of ledger units.", payer: authorization.payer), nil)
        }
        let queued = try await queue(authorization, transaction) { id, lease, world, db in
            try Payment.accept(authorization, transaction, for: offer, units: units, settlement: id, leaseUntil: lease, world: world, in: db)
        }
        switch queued {
        case .new(let settlement): return try await answer(settlement, isFresh: true)
        case .known(let settlement):
            let key = AuthorizationKey(payer: authorization.payer, nonce: authorization.nonce, fingerprint: authorization.fingerprint)
            return try await replay(settlement, key, of: offer)
        }
    }

    /// Whether a settlement was written, or the authorization was taken before.
    enum Queued: Sendable {
        /// It is in this process's hands already: nobody else can take it up between the commit and the sending.
        case new(Settlement)
        case known(Settlement)
    }

    /// Reserves an authorization by writing its settlement, with whatever `write` adds, in one commit.
    func queue(
        _ authorization: Authorization, _ transaction: PreparedTransaction,
        _ write: @escaping @Sendable (_ id: String, _ leaseUntil: Timestamp, _ world: World, _ db: Database) throws -> Settlement
    ) async throws -> Queued {
        let (world, lease, id) = (world, rules.lease, world.newID(.settlement))
        _ = hands.take(id)
        do {
            let queued = try await store.write { db -> Queued in
                if let known = try Settlement.holding(network: authorization.network, payer: authorization.payer, nonce: authorization.nonce, in: db) {
                    return .known(known)
                }
                return .new(try write(id, world.time.now() + lease, world, db))
            }
            if case .known = queued { hands.putDown(id, unfinished: false) }
            return queued
        } catch {
            hands.putDown(id, unfinished: false)
            throw error
        }
    }

    /// Carries a settlement while the buyer waits, and answers with what is known when they have waited long enough.
    private func answer(_ settlement: Settlement, isFresh: Bool) async throws -> Receipt {
        let isLocal = rails[settlement.network]?.isLocal ?? false
        let ended = try await within(isLocal ? nil : rules.answerWithin, world.time) { try await carry(settlement, isFresh: isFresh, isInHand: isFresh, counts: isFresh) }
        switch ended {
        case .some(.sold(let sale, let settlement)): return .sold(sale, settlement)
        case .some(.ended(let settlement)): return try await receipt(of: settlement)
        case .none: return .pending(settlement)
        }
    }

    /// What an authorization that is not new gets: rules.md, Replay.
    private func replay(_ known: Settlement, _ key: AuthorizationKey, of offer: Offer) async throws -> Receipt {
        let refusal = X402Refusal(.nonceUsed, "This authorization was used for another payment. Sign a new one.", payer: known.payer)
        guard known.fingerprint == key.fingerprint, let paymentID = known.paymentID else { return .refused(refusal, nil) }
        let payment = try await store.read { db in try Payment.find(paymentID, in: db) }
        guard let payment, payment.linkID == offer.link.id else { return .refused(refusal, nil) }
        if payment.status == .refunded { throw Problem(.paymentRefunded, "This payment was refunded. Sign a new one to buy again.") }
        // Whoever pays twice at once waits for the first one's outcome, as the first does; what nobody carries is taken up.
        if known.isOpen, !hands.hold(known.id) { return try await answer(known, isFresh: false) }
        return try await settled(known)
    }

    /// Waits, for as long as a buyer does, until a settlement that somebody else carries has ended.
    private func settled(_ known: Settlement) async throws -> Receipt {
        let started = world.time.elapsed()
        var current = known
        while current.isOpen, hands.hold(current.id), let limit = rules.answerWithin, world.time.elapsed() - started < limit {
            try await world.time.sleep(for: .milliseconds(20))
            guard let found = try await store.read({ db in try Settlement.find(known.id, in: db) }) else { break }
            current = found
        }
        return try await receipt(of: current)
    }

    /// What the buyer of a settlement is told, as the rows stand.
    private func receipt(of settlement: Settlement) async throws -> Receipt {
        try await store.read { db in
            guard let settlement = try Settlement.find(settlement.id, in: db) else { preconditionFailure("settlements are kept") }
            switch settlement.state {
            case .confirmed:
                guard let payment = settlement.paymentID, let sale = try Sale.of(payment: payment, in: db) else {
                    preconditionFailure("a confirmed payment has its sale")
                }
                return .sold(sale, settlement)
            case .failed:
                let reason = settlement.failure.flatMap(X402Refusal.Reason.init(rawValue:)) ?? .transactionFailed
                return .refused(X402Refusal(reason, "The network refused the payment. Nothing was charged.", payer: settlement.payer), settlement)
            case .queued, .sent, .unknown: return .pending(settlement)
            }
        }
    }
}

extension Offer {
    /// The authorized amount in ledger units of the tender it is paid in, or nil where it is none of ours.
    fileprivate func tender(for authorization: Authorization, among tenders: [Tender]) -> Amount? {
        let tender = tenders.first { $0.network == authorization.network && $0.contract == authorization.asset && $0.livemode == link.livemode }
        guard let tender, let units = Int64(authorization.atomicAmount), units > 0 else { return nil }
        return Amount(units, tender.asset)
    }
}

/// Runs `work`, and gives up waiting for it after `limit`: the work itself goes on.
private func within<T: Sendable>(_ limit: Duration?, _ time: any Time, _ work: @escaping @Sendable () async throws -> T) async throws -> T? {
    guard let limit else { return try await work() }
    let first = FirstAnswer<T>()
    return try await withCheckedThrowingContinuation { continuation in
        first.await(continuation)
        let timer = Task {
            try? await time.sleep(for: limit)  // Cancelled when the work was faster; then the answer is given already.
            first.give(.success(nil))
        }
        Task {
            do { first.give(.success(try await work())) } catch { first.give(.failure(error)) }
            timer.cancel()
        }
    }
}

/// Lets the first of two answers through.
private final class FirstAnswer<T: Sendable>: Sendable {
    private let waiting = Mutex<CheckedContinuation<T?, any Error>?>(nil)
    func await(_ continuation: CheckedContinuation<T?, any Error>) { waiting.withLock { $0 = continuation } }
    func give(_ answer: Result<T?, any Error>) { waiting.withLock { $0.take() }?.resume(with: answer) }
}

extension Problem.Code {
    package static let networkUnavailable = Self("network_unavailable", .unavailable, "The payment network does not answer", retryable: true)
    package static let paymentRefunded = Self("payment_refunded", .gone, "The payment was refunded")
}
