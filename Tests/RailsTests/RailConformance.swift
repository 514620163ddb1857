import Kernel
import Rails
import Simulation
import Testing

/// A rail, with what is needed to try it: a payer with money, and faults at will.
struct RailUnderTest: Sendable {
    enum Fault: Sendable { case none, unreachable, lostAnswer }

    let rail: any Rail
    let time: SimulatedTime
    /// What `pay` pays. The payer holds at least ten times as much.
    let requirements: PaymentRequirements
    /// Signs a payment of given requirements; the same number gives the same nonce.
    let pay: @Sendable (PaymentRequirements, UInt64) throws -> PaymentPayload
    /// What the payee has got so far, in the asset's smallest unit.
    let received: @Sendable () async throws -> Int64
    /// What happens to every settlement from now on.
    let fault: @Sendable (Fault) -> Void
}

/// What every rail promises, whatever its network: one check for each promise of `Rail`.
enum RailConformance: String, CaseIterable, Sendable {
    case verifyMovesNothing, prepareMovesNothing, settlesOnce, settlesOnceInParallel, lostAnswerIsFound, unreachableMayBeSentAgain
    case isRecognisedForEver, usedNonceIsRefused, oneNonceMovesMoneyOnce, expiredNeverMoves, unknownUntilExpired

    func check(_ subject: RailUnderTest) async throws {
        switch self {
        case .verifyMovesNothing: try await Self.verifyMovesNothing(subject)
        case .prepareMovesNothing: try await Self.prepareMovesNothing(subject)
        case .settlesOnce: try await Self.settlesOnce(subject)
        case .settlesOnceInParallel: try await Self.settlesOnceInParallel(subject)
        case .lostAnswerIsFound: try await Self.lostAnswerIsFound(subject)
        case .unreachableMayBeSentAgain: try await Self.unreachableMayBeSentAgain(subject)
        case .isRecognisedForEver: try await Self.isRecognisedForEver(subject)
        case .usedNonceIsRefused: try await Self.usedNonceIsRefused(subject)
        case .oneNonceMovesMoneyOnce: try await Self.oneNonceMovesMoneyOnce(subject)
        case .expiredNeverMoves: try await Self.expiredNeverMoves(subject)
        case .unknownUntilExpired: try await Self.unknownUntilExpired(subject)
        }
    }

    private static func verifyMovesNothing(_ subject: RailUnderTest) async throws {
        let payment = try subject.pay(subject.requirements, 1)
        let first = try await subject.rail.verify(payment, against: subject.requirements, at: subject.time.now())
        let second = try await subject.rail.verify(payment, against: subject.requirements, at: subject.time.now())
        #expect(first == second && first.network == subject.rail.network)
        #expect(try await subject.received() == 0)
    }

    private static func prepareMovesNothing(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        #expect(transaction.network == subject.rail.network && !transaction.hash.isEmpty && !transaction.raw.isEmpty)
        #expect(try await subject.rail.outcome(of: transaction) == nil)
        #expect(try await subject.received() == 0)
    }

    private static func settlesOnce(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        #expect(try await subject.settled(transaction) == .confirmed)
        #expect(try await subject.settled(transaction) == .confirmed)
        #expect(try await subject.rail.outcome(of: transaction) == .confirmed)
        #expect(try await subject.received() == subject.units)
        let other = try await subject.prepared(2)
        #expect(other.hash != transaction.hash)
        #expect(try await subject.settled(other) == .confirmed)
        #expect(try await subject.received() == 2 * subject.units)
    }

    private static func settlesOnceInParallel(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        let rail = subject.rail
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for _ in 0..<20 { group.addTask { try await rail.settle(transaction) } }
            for try await outcome in group { #expect(outcome == .confirmed || outcome == .pending) }
        }
        #expect(try await subject.settled(transaction) == .confirmed)
        #expect(try await subject.received() == subject.units)
    }

    private static func lostAnswerIsFound(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        subject.fault(.lostAnswer)
        await #expect(throws: NetworkFailure.noAnswer) { _ = try await subject.rail.settle(transaction) }
        subject.fault(.none)
        let found = try await subject.rail.outcome(of: transaction)
        #expect(found == .confirmed || found == .pending)
        #expect(try await subject.settled(transaction) == .confirmed)
        #expect(try await subject.received() == subject.units)
    }

    private static func unreachableMayBeSentAgain(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        subject.fault(.unreachable)
        await #expect(throws: NetworkFailure.unreachable) { _ = try await subject.rail.settle(transaction) }
        subject.fault(.none)
        #expect(try await subject.rail.outcome(of: transaction) == nil)
        #expect(try await subject.received() == 0)
        #expect(try await subject.settled(transaction) == .confirmed)
        #expect(try await subject.received() == subject.units)
    }

    /// Who lost the answer sends the same payment again, perhaps long after.
    private static func isRecognisedForEver(_ subject: RailUnderTest) async throws {
        let payment = try subject.pay(subject.requirements, 1)
        let authorization = try await subject.rail.verify(payment, against: subject.requirements, at: subject.time.now())
        let transaction = try await subject.rail.prepare(authorization)
        #expect(try await subject.settled(transaction) == .confirmed)
        subject.time.advance(by: .seconds(subject.requirements.maxTimeoutSeconds * 2))
        let key = try subject.rail.identify(payment, for: subject.requirements)
        #expect(key.payer == authorization.payer && key.nonce == authorization.nonce && key.fingerprint == authorization.fingerprint)
        let other = try subject.rail.identify(subject.pay(subject.requirements, 2), for: subject.requirements)
        #expect(other.fingerprint != key.fingerprint && other.nonce != key.nonce)
    }

    private static func usedNonceIsRefused(_ subject: RailUnderTest) async throws {
        let payment = try subject.pay(subject.requirements, 1)
        #expect(try await subject.settled(subject.prepared(1)) == .confirmed)
        do {
            _ = try await subject.rail.verify(payment, against: subject.requirements, at: subject.time.now())
            Issue.record("a used nonce was verified")
        } catch let refusal as X402Refusal {
            #expect(refusal.reason == .nonceUsed && refusal.payer != nil)
        }
    }

    /// The same nonce signed for two amounts, both verified before either was sent.
    private static func oneNonceMovesMoneyOnce(_ subject: RailUnderTest) async throws {
        let asked = subject.requirements
        let more = PaymentRequirements(
            scheme: asked.scheme, network: asked.network, amount: String(subject.units + 1), asset: asked.asset, payTo: asked.payTo,
            maxTimeoutSeconds: asked.maxTimeoutSeconds, extra: asked.extra)
        let first = try await subject.prepared(1)
        let second = try await subject.prepared(1, requirements: more)
        #expect(first.hash != second.hash)
        #expect(try await subject.settled(first) == .confirmed)
        try await subject.expectFailure(subject.settled(second), .nonceUsed)
        try await subject.expectFailure(subject.rail.outcome(of: second), .nonceUsed)
        #expect(try await subject.received() == subject.units)
    }

    private static func expiredNeverMoves(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        subject.time.advance(by: .seconds(subject.requirements.maxTimeoutSeconds))
        try await subject.expectFailure(subject.settled(transaction), .expired)
        #expect(try await subject.received() == 0)
    }

    private static func unknownUntilExpired(_ subject: RailUnderTest) async throws {
        let transaction = try await subject.prepared(1)
        subject.time.advance(by: .seconds(subject.requirements.maxTimeoutSeconds - 1))
        #expect(try await subject.rail.outcome(of: transaction) == nil)
        subject.time.advance(by: .seconds(1))
        try await subject.expectFailure(subject.rail.outcome(of: transaction), .expired)
    }
}

extension RailUnderTest {
    var units: Int64 { Int64(requirements.amount) ?? 0 }

    fileprivate func prepared(_ number: UInt64, requirements asked: PaymentRequirements? = nil) async throws -> PreparedTransaction {
        let terms = asked ?? requirements
        let payment = try pay(terms, number)
        let authorization = try await rail.verify(payment, against: terms, at: time.now())
        let transaction = try await rail.prepare(authorization)
        #expect(transaction.network == authorization.network)
        return transaction
    }

    /// Sends, then asks until the network has made up its mind.
    fileprivate func settled(_ transaction: PreparedTransaction) async throws -> Outcome {
        var outcome = try await rail.settle(transaction)
        for _ in 0..<100 where outcome == .pending {
            time.advance(by: .seconds(1))
            outcome = try await rail.outcome(of: transaction) ?? .pending
        }
        return outcome
    }

    fileprivate func expectFailure(_ outcome: Outcome?, _ reason: X402Refusal.Reason) {
        guard case .some(.failed(let found, _)) = outcome else {
            Issue.record("failed with \(reason.rawValue) was expected, not \(String(describing: outcome))")
            return
        }
        #expect(found == reason)
    }
}
