import GRDB
import Kernel
import Rails
import Storage
import Synchronization

/// The network inside: executes real EIP-3009 authorizations in our own file.
///
/// It takes the identity of Base Sepolia and its USDC, so that every x402 client
/// works with it unchanged; nothing leaves the machine. Its transfers are
/// transactions of their own, as a real chain's would be: a crash between one and
/// the sale it pays for must be survived here as anywhere.
///
/// An address never seen has 1 000 USDC. Its row and its faucet transfer appear
/// with its first transfer, so verifying writes nothing.
package final class SandboxRail: Rail {
    /// What an address never seen has: 1 000 USDC. Unit: 10⁻⁶ USDC.
    package static let faucetUnits: Int64 = 1_000_000_000

    package let network = EVMNetwork.baseSepolia.caip2
    private let store: Store
    private let time: any Time
    private let faults: Mutex<SandboxFaults>
    private let settlements = Atomic<Int>(0)
    private let verified = Mutex<Set<String>>([])

    /// How many hashes of transactions with a checked signature are remembered.
    /// Recovering a signer is most of the work of a settlement, and nearly every
    /// settlement follows a verification in the same process.
    private static let verifiedMax = 4_096

    package init(store: Store, time: any Time, faults: SandboxFaults = .none) {
        self.store = store
        self.time = time
        self.faults = Mutex(faults)
    }

    /// Replaces the faults; `.none` ends them.
    package func inject(_ new: SandboxFaults) { faults.withLock { $0 = new } }

    /// A delay that somebody set is there to rehearse the waiting.
    package var isLocal: Bool { faults.withLock { $0.delay <= .zero } }

    /// - Throws: `X402Refusal`, in the order of `ExactEVM.verify`, then the token, the
    ///   nonce and the balance.
    package func verify(_ payment: PaymentPayload, against requirements: PaymentRequirements, at now: Timestamp) async throws -> Authorization {
        let authorization = try ExactEVM.verify(payment, against: requirements, at: now)
        try Self.checkToken(requirements, authorization)
        let payer = authorization.payer
        let nonce = authorization.nonce
        let holder = try store.look { db in try Holder.find(payer, nonce: nonce, in: db) }
        if holder.usedBy != nil { throw X402Refusal(.nonceUsed, "The authorization's nonce is used already.", payer: payer) }
        guard let units = UInt256(decimal: authorization.atomicAmount)?.int64, units <= holder.balance else {
            throw X402Refusal(.insufficientBalance, "The payer holds \(Amount(holder.balance, .usdc).decimal) USDC.", payer: payer)
        }
        remember(SandboxTransaction.hash(fingerprint: authorization.fingerprint))
        return authorization
    }

    private static func checkToken(_ requirements: PaymentRequirements, _ authorization: Authorization) throws {
        let token = EVMToken.baseSepoliaUSDC
        let payer = authorization.payer
        guard authorization.network == EVMNetwork.baseSepolia.caip2 else {
            throw X402Refusal(.networkMismatch, "The sandbox is \(EVMNetwork.baseSepolia.caip2).", payer: payer)
        }
        guard authorization.asset == token.address else {
            throw X402Refusal(.noSuchToken, "The sandbox has one token, \(token.address).", payer: payer)
        }
        guard requirements.extra["name"]?.text == token.name else {
            throw X402Refusal(.tokenNameMismatch, "The token's EIP-712 name is \(token.name).", payer: payer)
        }
        guard requirements.extra["version"]?.text == token.version else {
            throw X402Refusal(.tokenVersionMismatch, "The token's EIP-712 version is \(token.version).", payer: payer)
        }
    }

    package func identify(_ payment: PaymentPayload, for requirements: PaymentRequirements) throws -> AuthorizationKey {
        try ExactEVM.identify(payment, for: requirements)
    }

    /// Pure: the same authorization gives the same transaction.
    package func prepare(_ authorization: Authorization) async throws -> PreparedTransaction {
        guard let transaction = SandboxTransaction(payload: authorization.payload) else {
            throw X402Refusal(.invalidPayload, "The authorization cannot be executed.", payer: authorization.payer)
        }
        return PreparedTransaction(
            network: network, hash: SandboxTransaction.hash(fingerprint: authorization.fingerprint), raw: transaction.raw)
    }

    /// Checks everything again, as a contract would, and moves the money once.
    ///
    /// - Throws: `NetworkFailure`, by fault or where the file cannot be written.
    package func settle(_ transaction: PreparedTransaction) async throws -> Outcome {
        let number = settlements.wrappingAdd(1, ordering: .relaxed).newValue
        let faults = self.faults.withLock { $0 }
        if faults.delay > .zero { try await time.sleep(for: faults.delay) }
        if faults.fails(number) { throw NetworkFailure.unreachable }
        let outcome = try await execute(transaction)
        if faults.losesAnswer(number) { throw NetworkFailure.noAnswer }
        return outcome
    }

    private func execute(_ prepared: PreparedTransaction) async throws -> Outcome {
        guard prepared.network == network, let transaction = SandboxTransaction(raw: prepared.raw), transaction.hash == prepared.hash else {
            return .failed(.transactionFailed, "The transaction is not one of the sandbox's.")
        }
        guard isSigned(transaction, hash: prepared.hash) else {
            return .failed(.invalidSignature, "The signature is not the payer's.")
        }
        let hash = prepared.hash
        let time = self.time
        // The clock is read where the transfer happens: one that waited past its window is refused.
        return try await write { db in try transaction.transfer.execute(hash: hash, at: time.now(), in: db) }
    }

    private func isSigned(_ transaction: SandboxTransaction, hash: String) -> Bool {
        if verified.withLock({ $0.contains(hash) }) { return true }
        // A signature that recovers nobody is not the payer's either.
        guard let signer = try? Secp256k1.recover(transaction.digest, transaction.signature) else { return false }
        return signer == transaction.transfer.from
    }

    private func remember(_ hash: String) {
        verified.withLock { hashes in
            if hashes.count >= Self.verifiedMax { hashes.removeAll(keepingCapacity: true) }
            hashes.insert(hash)
        }
    }

    /// Confirmed once executed; failed once the nonce went elsewhere, or the window
    /// closed with it unused.
    package func outcome(of prepared: PreparedTransaction) async throws -> Outcome? {
        guard prepared.network == network, let transaction = SandboxTransaction(raw: prepared.raw), transaction.hash == prepared.hash else {
            return .failed(.transactionFailed, "The transaction is not one of the sandbox's.")
        }
        let hash = prepared.hash
        let transfer = transaction.transfer
        let found = try await store.read { db in try transfer.outcome(hash: hash, in: db) }
        if let found { return found }
        let time = self.time
        guard transfer.isOver(at: time.now()) else { return nil }
        // Asked again as a writer: a transfer that is being committed right now is not yet seen by
        // readers, and one that comes after this finds its window closed.
        return try await write { (db: Database) throws -> Outcome? in
            if let found = try transfer.outcome(hash: hash, in: db) { return found }
            return transfer.isOver(at: time.now()) ? .failed(.expired, "The authorization expired unused.") : nil
        }
    }

    /// The file is this network's node: what it cannot do is a failure of the network.
    private func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        do {
            return try await store.write(body)
        } catch let failure as StoreFailure {
            switch failure {
            case .diskFull: throw NetworkFailure.unreachable
            case .unknownCommit, .stopped: throw NetworkFailure.noAnswer
            }
        } catch is Problem {
            // Too many writes were waiting; this one was not taken.
            throw NetworkFailure.unreachable
        }
    }

    /// What `address` holds, seen before or not.
    package static func balance(of address: String, in db: Database) throws -> Amount {
        let known = EVMAddress(address)?.checksummed ?? address
        let row = try db.row("SELECT balance FROM sandbox_accounts WHERE address = ?", [known])
        return Amount(row.map { (row: Row) -> Int64 in row[0] } ?? faucetUnits, .usdc)
    }

    /// What is wrong with the network's books; nothing when they are right.
    package static func audit(in db: Database) throws -> [String] {
        try SandboxSchema.questions.flatMap { try $0.faults(db) }
    }
}

/// One payer as a transfer meets it.
private struct Holder: Sendable {
    let balance: Int64
    /// The hash of the transfer that used the nonce, or nil where it is free.
    let usedBy: String?

    /// One statement, since every verification asks it.
    static func find(_ payer: String, nonce: String, in db: Database) throws -> Holder {
        let found = try db.first(
            """
            SELECT (SELECT balance FROM sandbox_accounts WHERE address = ?),
              (SELECT hash FROM sandbox_transfers WHERE payer = ? AND nonce = ?)
            """, [payer, payer, nonce]
        ) { row in
            let balance: Int64? = row[0]
            return Holder(balance: balance ?? SandboxRail.faucetUnits, usedBy: row[1])
        }
        guard let found else { preconditionFailure("a SELECT without FROM has one row") }
        return found
    }
}

extension TransferAuthorization {
    /// Whether it can no longer be executed.
    fileprivate func isOver(at now: Timestamp) -> Bool { validBefore <= Self.seconds(now) }

    private static func seconds(_ now: Timestamp) -> UInt256 { UInt256(UInt64(max(0, now.seconds))) }

    private var nonceText: String { "0x" + Hex.encode(nonce) }

    fileprivate func outcome(hash: String, in db: Database) throws -> Outcome? {
        guard let usedBy = try Holder.find(from.checksummed, nonce: nonceText, in: db).usedBy else { return nil }
        return usedBy == hash ? .confirmed : .failed(.nonceUsed, "The authorization's nonce was used by \(usedBy).")
    }

    /// Moves the money, or says why not. The window is open strictly between its
    /// ends, as in the contract.
    fileprivate func execute(hash: String, at now: Timestamp, in db: Database) throws -> Outcome {
        let payer = from.checksummed
        let payTo = to.checksummed
        let holder = try Holder.find(payer, nonce: nonceText, in: db)
        if let usedBy = holder.usedBy {
            return usedBy == hash ? .confirmed : .failed(.nonceUsed, "The authorization's nonce was used by \(usedBy).")
        }
        guard validAfter < Self.seconds(now) else { return .failed(.notYetValid, "The authorization is not valid yet.") }
        guard !isOver(at: now) else { return .failed(.expired, "The authorization expired unused.") }
        guard let units = value.int64, units <= holder.balance else {
            return .failed(.insufficientBalance, "The payer holds \(Amount(holder.balance, .usdc).decimal) USDC.")
        }
        try Self.admit(payer, at: now, in: db)
        try Self.admit(payTo, at: now, in: db)
        try db.run(
            "INSERT INTO sandbox_transfers (hash, kind, payer, pay_to, amount, nonce, created_at) VALUES (?, 'transfer', ?, ?, ?, ?, ?)",
            [hash, payer, payTo, units, nonceText, now.milliseconds])
        return .confirmed
    }

    /// Writes down an account met for the first time, with what it always had.
    private static func admit(_ address: String, at now: Timestamp, in db: Database) throws {
        let isNew = try db.moved(
            "INSERT INTO sandbox_accounts (address, balance, created_at) VALUES (?, 0, ?) ON CONFLICT (address) DO NOTHING",
            [address, now.milliseconds])
        guard isNew else { return }
        let hash = "0x" + Hex.encode(Keccak256.hash(Array("faucet \(address)".utf8)))
        try db.run(
            "INSERT INTO sandbox_transfers (hash, kind, pay_to, amount, created_at) VALUES (?, 'faucet', ?, ?, ?)",
            [hash, address, SandboxRail.faucetUnits, now.milliseconds])
    }
}
