import Kernel
import Rails
import Storage
import Webhooks

/// Till as other servers' x402 facilitator: checks and settles what they ask about.
///
/// What it settles is no sale of ours; its settlements stand in the same table as
/// our own, so that one authorization cannot be used here and there.
extension Cashier {
    /// `/verify`: read-only.
    package func verify(_ request: FacilitatorRequest) async throws -> VerifyResponse {
        do {
            return VerifyResponse(try await rail(for: request).verify(request.payment, against: request.requirements, at: world.time.now()))
        } catch let refusal as X402Refusal {
            return VerifyResponse(refusal)
        }
    }

    /// `/settle`: verifies again and executes, once.
    ///
    /// - Parameters:
    ///   - sellerID: Whose settlement it is, for the events and the list.
    package func settle(_ request: FacilitatorRequest, sellerID: String, livemode: Bool) async throws -> SettleResponse {
        let network = request.requirements.network
        // Reading alone: what cannot be read is refused with its reason by the verification below.
        let key = try? rail(for: request).identify(request.payment, for: request.requirements)
        do {
            let rail = try rail(for: request)
            if let key, let known = try holding(network, key) { return try await repeated(known, key) }
            let authorization = try await rail.verify(request.payment, against: request.requirements, at: world.time.now())
            let transaction = try await rail.prepare(authorization)
            return try await settle(authorization, transaction, sellerID: sellerID, livemode: livemode)
        } catch let refusal as X402Refusal {
            // Settled by another request since it was looked up: then it is a repetition.
            if let key, let late = try holding(network, key), late.fingerprint == key.fingerprint { return try await repeated(late, key) }
            return .refused(refusal, network: network)
        }
    }

    private func rail(for request: FacilitatorRequest) throws -> any Rail {
        guard request.payment.scheme == ExactEVM.scheme, request.requirements.scheme == ExactEVM.scheme else {
            throw X402Refusal(.unsupportedScheme, "Only the scheme exact is known here.")
        }
        guard request.payment.network == request.requirements.network else {
            throw X402Refusal(.networkMismatch, "The payment is for \(request.payment.network); \(request.requirements.network) was asked for.")
        }
        guard let rail = rails[request.requirements.network] else {
            throw X402Refusal(.unknownNetwork, "\(request.requirements.network) is not offered here; see /supported.")
        }
        return rail
    }

    private func settle(
        _ authorization: Authorization, _ transaction: PreparedTransaction, sellerID: String, livemode: Bool
    ) async throws -> SettleResponse {
        let queued = try await queue(authorization, transaction) { id, lease, world, db in
            let settlement = try Settlement.queue(
                id, authorization, transaction, paymentID: nil, sellerID: sellerID, livemode: livemode, leaseUntil: lease, world: world, in: db)
            try Event.record([settlement.queuedEvent], sellerID: sellerID, livemode: livemode, world: world, in: db)
            return settlement
        }
        switch queued {
        case .new(let settlement): return try await carried(settlement, isFresh: true)
        case .known(let settlement):
            let key = AuthorizationKey(payer: authorization.payer, nonce: authorization.nonce, fingerprint: authorization.fingerprint)
            return try await repeated(settlement, key)
        }
    }

    private func carried(_ settlement: Settlement, isFresh: Bool) async throws -> SettleResponse {
        _ = try await carry(settlement, isFresh: isFresh, isInHand: isFresh, counts: isFresh)
        guard let now = try await store.read({ db in try Settlement.find(settlement.id, in: db) }) else { preconditionFailure("settlements are kept") }
        switch now.state {
        case .confirmed:
            return SettleResponse(success: true, payer: now.payer, transaction: now.hash, network: now.network, amount: now.atomicAmount)
        case .failed: return .refused(now.refusal, network: now.network)
        case .queued, .sent, .unknown: return now.pendingResponse
        }
    }

    /// The same authorization again: looked up while it is pending, and a failure
    /// once it has been consumed, never a second success (x402, scheme_exact).
    private func repeated(_ known: Settlement, _ key: AuthorizationKey) async throws -> SettleResponse {
        guard known.fingerprint == key.fingerprint else {
            throw X402Refusal(.nonceUsed, "The authorization's nonce is used already.", payer: known.payer)
        }
        // What pays for one of our links is not told to another server as its own success.
        guard known.paymentID == nil else {
            let refusal = X402Refusal(.duplicateSettlement, "This authorization pays for something else.", payer: known.payer)
            return .refused(refusal, network: known.network, transaction: known.hash)
        }
        switch known.state {
        case .confirmed:
            let refusal = X402Refusal(.duplicateSettlement, "This authorization was settled before.", payer: known.payer)
            return .refused(refusal, network: known.network, transaction: known.hash)
        case .failed: return .refused(known.refusal, network: known.network)
        case .queued, .sent, .unknown: return hands.hold(known.id) ? known.pendingResponse : try await carried(known, isFresh: false)
        }
    }

    /// `/supported`: what this facilitator can do, in both versions.
    package var supported: JSON {
        var kinds: [JSON] = []
        for tender in tenders {
            kinds.append(["x402Version": 2, "scheme": "exact", "network": .string(tender.network)])
            if let name = EVMNetwork.v1Name(caip2: tender.network) {
                kinds.append(["x402Version": 1, "scheme": "exact", "network": .string(name)])
            }
        }
        return ["kinds": .array(kinds), "extensions": [], "signers": ["eip155:*": []]]
    }
}

extension Settlement {
    /// Why it failed, in x402's words.
    package var refusal: X402Refusal {
        let reason = failure.flatMap(X402Refusal.Reason.init(rawValue:)) ?? .transactionFailed
        return X402Refusal(reason, "The network refused the payment. Nothing was charged.", payer: payer)
    }

    /// Sent, outcome unknown: the buyer must not sign anew.
    package var pendingResponse: SettleResponse {
        SettleResponse(
            success: false, errorReason: X402Refusal.Reason.settlementPending.rawValue,
            errorMessage: "The transaction was sent and is not confirmed yet. Do not pay again.", payer: payer, transaction: hash, network: network)
    }
}
