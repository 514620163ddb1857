import Kernel
import Rails
import Simulation
import Synchronization

/// A chain outside the file: a crash of Till, a full disk and a wrong clock of its
/// machine leave it as it is.
///
/// It has a clock of its own, executes EIP-3009 authorizations as a contract would,
/// and misbehaves by plan or by seed. It counts what a kind chain would forgive.
final class SimulatedChain: Rail {
    /// What happens to one call.
    enum Fault: Sendable, Equatable {
        case unreachable
        /// The answer is lost, and so was the request.
        case neverArrives
        /// The answer is lost after the call took effect.
        case lostAnswer
        /// The payer spends everything elsewhere, a moment before.
        case spent
        /// The power ends before anything was sent.
        case powerCutBefore
        /// The power ends before the answer is read.
        case powerCutAfter

        static let all: [Fault] = [.unreachable, .neverArrives, .lostAnswer, .spent, .powerCutBefore, .powerCutAfter]
    }

    /// One movement of money.
    struct Transfer: Sendable, Equatable {
        let hash: String
        let payer: String
        let payTo: String
        let units: Int64
    }

    private struct State {
        var balances: [String: Int64] = [:]
        /// By payer and nonce, the hash that used it.
        var usedBy: [String: String] = [:]
        var transfers: [Transfer] = []
        /// By hash, how often it is still answered with `pending`.
        var asksLeft: [String: Int] = [:]
        var finality = 0
        var sends: [String: Int] = [:]
        var needlessSends = 0
        var plan: [Fault] = []
        var faultsOneIn: UInt64 = 0
        var finalityBelow = 1
    }

    /// What an address has that nobody paid yet. Unit: 10⁻⁶ USDC.
    static let openingUnits: Int64 = 1_000_000_000

    let network: String = EVMNetwork.baseSepolia.caip2
    private let time: SimulatedTime
    private let power: Power
    private let chance: SeededChance
    private let state = Mutex(State())

    init(time: SimulatedTime, power: Power, seed: UInt64) {
        self.time = time
        self.power = power
        chance = SeededChance(seed: seed)
    }

    /// The chain's own time, which nobody sets.
    var now: Timestamp { World.simulatedStart + time.elapsed() }

    /// The next calls of `settle` and `outcome` meet these, one each.
    func plan(_ faults: Fault...) { state.withLock { $0.plan += faults } }

    /// From now on a transfer is answered with `pending` so often before it is final.
    func setFinality(_ asks: Int) { state.withLock { $0.finality = asks } }

    /// One call in so many meets a fault, and finality takes up to `finalityBelow` - 1 asks.
    func misbehave(oneIn n: UInt64, finalityBelow bound: Int) {
        state.withLock { state in
            state.faultsOneIn = n
            state.finalityBelow = bound
        }
    }

    func heal() {
        state.withLock { state in
            state.faultsOneIn = 0
            state.plan = []
        }
    }

    /// Every movement of money, in order.
    var transfers: [Transfer] { state.withLock { $0.transfers } }

    /// How often `hash` was sent and arrived.
    func sends(of hash: String) -> Int { state.withLock { $0.sends[hash] ?? 0 } }

    /// How often something arrived that was executed before.
    var needlessSends: Int { state.withLock { $0.needlessSends } }

    func balance(of address: String) -> Int64 { state.withLock { $0.balances[address] ?? Self.openingUnits } }

    /// What `address` was paid, in all.
    func received(_ address: String) -> Int64 {
        transfers.filter { $0.payTo == address }.reduce(0 as Int64) { (sum: Int64, transfer: Transfer) -> Int64 in sum + transfer.units }
    }

    func verify(_ payment: PaymentPayload, against requirements: PaymentRequirements, at now: Timestamp) async throws -> Authorization {
        let authorization = try ExactEVM.verify(payment, against: requirements, at: now)
        if happens() { throw NetworkFailure.unreachable }
        let slot = authorization.payer + authorization.nonce
        let (isUsed, held) = state.withLock { (state: inout State) -> (Bool, Int64) in
            (state.usedBy[slot] != nil, state.balances[authorization.payer] ?? Self.openingUnits)
        }
        if isUsed { throw X402Refusal(.nonceUsed, "The authorization's nonce is used already.", payer: authorization.payer) }
        guard let units = Int64(authorization.atomicAmount), units <= held else {
            throw X402Refusal(.insufficientBalance, "The payer holds \(held) units.", payer: authorization.payer)
        }
        return authorization
    }

    let isLocal = false

    func identify(_ payment: PaymentPayload, for requirements: PaymentRequirements) throws -> AuthorizationKey {
        try ExactEVM.identify(payment, for: requirements)
    }

    func prepare(_ authorization: Authorization) async throws -> PreparedTransaction {
        let hash = "0x" + Hex.encode(Keccak256.hash(Array(("chain " + authorization.fingerprint).utf8)))
        return PreparedTransaction(network: network, hash: hash, raw: authorization.payload.bytes)
    }

    func settle(_ transaction: PreparedTransaction) async throws -> Outcome {
        let fault = try draw()
        if fault == .unreachable { throw NetworkFailure.unreachable }
        if fault == .neverArrives { throw NetworkFailure.noAnswer }
        if fault == .powerCutBefore { throw cutPower() }
        guard let json = try JSON.read(transaction.raw)["authorization"], let transfer = TransferAuthorization(json: json) else {
            return .failed(.transactionFailed, "The transaction cannot be read.")
        }
        let outcome = execute(transaction.hash, transfer, isRobbed: fault == .spent)
        if fault == .lostAnswer { throw NetworkFailure.noAnswer }
        if fault == .powerCutAfter { throw cutPower() }
        return outcome
    }

    func outcome(of transaction: PreparedTransaction) async throws -> Outcome? {
        let fault = try draw()
        if fault == .unreachable { throw NetworkFailure.unreachable }
        if fault == .neverArrives || fault == .lostAnswer { throw NetworkFailure.noAnswer }
        if fault == .powerCutBefore || fault == .powerCutAfter { throw cutPower() }
        guard let json = try JSON.read(transaction.raw)["authorization"], let transfer = TransferAuthorization(json: json) else {
            return .failed(.transactionFailed, "The transaction cannot be read.")
        }
        let over = isOver(transfer)
        let slot = Self.slot(transfer)
        return state.withLock { (state: inout State) -> Outcome? in
            if let usedBy = state.usedBy[slot] { return Self.answer(transaction.hash, usedBy: usedBy, &state) }
            return over ? Outcome.failed(.expired, "The authorization expired unused.") : Optional<Outcome>.none
        }
    }

    private func execute(_ hash: String, _ transfer: TransferAuthorization, isRobbed: Bool) -> Outcome {
        let over = isOver(transfer)
        let isEarly = transfer.validAfter >= UInt256(UInt64(max(0, now.seconds)))
        let (payer, payTo) = (transfer.from.checksummed, transfer.to.checksummed)
        let slot = Self.slot(transfer)
        let finality = drawnFinality()
        return state.withLock { (state: inout State) -> Outcome in
            state.sends[hash, default: 0] += 1
            if let usedBy = state.usedBy[slot] {
                state.needlessSends += 1
                return Self.answer(hash, usedBy: usedBy, &state)
            }
            if isRobbed { state.balances[payer] = 0 }
            if over { return .failed(.expired, "The authorization expired unused.") }
            if isEarly { return .failed(.notYetValid, "The authorization is not valid yet.") }
            let held = state.balances[payer] ?? Self.openingUnits
            guard let units = transfer.value.int64, units <= held else { return .failed(.insufficientBalance, "The payer holds \(held) units.") }
            state.balances[payer] = held - units
            state.balances[payTo] = (state.balances[payTo] ?? Self.openingUnits) + units
            state.usedBy[slot] = hash
            state.asksLeft[hash] = finality
            state.transfers.append(Transfer(hash: hash, payer: payer, payTo: payTo, units: units))
            return finality > 0 ? .pending : .confirmed
        }
    }

    private static func answer(_ hash: String, usedBy: String, _ state: inout State) -> Outcome {
        if usedBy != hash { return .failed(.nonceUsed, "The authorization's nonce was used by \(usedBy).") }
        let left = state.asksLeft[hash] ?? 0
        state.asksLeft[hash] = max(0, left - 1)
        return left > 0 ? .pending : .confirmed
    }

    private static func slot(_ transfer: TransferAuthorization) -> String { transfer.from.checksummed + "0x" + Hex.encode(transfer.nonce) }

    private func isOver(_ transfer: TransferAuthorization) -> Bool { transfer.validBefore <= UInt256(UInt64(max(0, now.seconds))) }

    private func drawnFinality() -> Int {
        let (fixed, bound) = state.withLock { (state: inout State) -> (Int, Int) in (state.finality, state.finalityBelow) }
        return bound > 1 ? chance.below(bound) : fixed
    }

    /// The fault of this call. A process without power calls nobody.
    private func draw() throws -> Fault? {
        if power.isOff { throw PowerCut() }
        let planned = state.withLock { (state: inout State) -> Fault? in state.plan.isEmpty ? Optional<Fault>.none : state.plan.removeFirst() }
        if let planned { return planned }
        return happens() ? Fault.all[chance.below(Fault.all.count)] : Optional<Fault>.none
    }

    private func happens() -> Bool {
        let n: UInt64 = state.withLock { $0.faultsOneIn }
        return n > 0 && chance.oneIn(n)
    }

    private func cutPower() -> PowerCut {
        power.cut()
        return PowerCut()
    }
}
