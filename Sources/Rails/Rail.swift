import Kernel

/// A way money travels: one network, seen as five questions.
///
/// The caller writes down what it is about to do between the steps, so that a
/// crash anywhere leaves a row that says which question to ask next: `verify`
/// before an authorization is accepted, `prepare` before `settling` is written,
/// `settle` after it, and `outcome` for whatever got no answer. Every rail passes
/// `RailConformance` in the tests.
package protocol Rail: Sendable {
    /// CAIP-2 id, such as `eip155:84532`.
    var network: String { get }

    /// Whether settling waits for nothing outside this process: then a buyer is
    /// always told the outcome, and never to come back.
    var isLocal: Bool { get }

    /// Checks a buyer's signed authorization against what we asked for. Moves
    /// nothing and reserves nothing.
    ///
    /// Reasons are tried in a fixed order, so one request always gets one answer.
    ///
    /// - Parameter now: Compared with the authorization's window in whole seconds.
    /// - Throws: `X402Refusal`; `NetworkFailure` where the network had to be asked
    ///   and did not answer.
    func verify(_ payment: PaymentPayload, against requirements: PaymentRequirements, at now: Timestamp) async throws -> Authorization

    /// Which authorization a payment carries, by reading alone: nothing is checked,
    /// neither signature nor time.
    ///
    /// A payment whose key and fingerprint are those of one accepted before is that
    /// same payment: so a buyer who lost the answer is recognised even after the
    /// authorization's window has closed.
    ///
    /// - Throws: `X402Refusal` where it cannot be read.
    func identify(_ payment: PaymentPayload, for requirements: PaymentRequirements) throws -> AuthorizationKey

    /// Signs what would execute `authorization`, and sends nothing.
    ///
    /// Deterministic where the network lets it be, so that a crash between this
    /// and the row that keeps it costs nothing.
    func prepare(_ authorization: Authorization) async throws -> PreparedTransaction

    /// Sends `transaction`. Idempotent: sent twice, it moves money once.
    ///
    /// - Throws: `NetworkFailure.unreachable` when nothing left this machine;
    ///   `.noAnswer` when it may have taken effect, so that only `outcome` may follow.
    func settle(_ transaction: PreparedTransaction) async throws -> Outcome

    /// What became of `transaction`, or nil where the network has never seen it
    /// and it may still land.
    ///
    /// - Throws: `NetworkFailure`.
    func outcome(of transaction: PreparedTransaction) async throws -> Outcome?
}

/// What makes an authorization unique on its network, and its payload recognisable.
package struct AuthorizationKey: Sendable, Equatable {
    /// EIP-55 checksummed.
    package let payer: String
    /// `0x` and 64 hex digits in lower case.
    package let nonce: String
    /// As in `Authorization`.
    package let fingerprint: String

    package init(payer: String, nonce: String, fingerprint: String) {
        self.payer = payer
        self.nonce = nonce
        self.fingerprint = fingerprint
    }
}

/// A buyer's signed permission to move an exact amount, checked. Nothing has moved.
package struct Authorization: Sendable, Equatable {
    /// The x402 version the buyer spoke, 1 or 2: the answer is given in the same.
    package let version: Int
    /// CAIP-2 id.
    package let network: String
    /// The asset's contract, EIP-55 checksummed.
    package let asset: String
    /// Whose money it is, EIP-55 checksummed.
    package let payer: String
    /// Who is paid, EIP-55 checksummed.
    package let payTo: String
    /// Decimal digits in the contract's smallest unit, without leading zeros.
    package let atomicAmount: String
    /// `0x` and 64 hex digits in lower case. Unique together with network and payer.
    package let nonce: String
    /// The money may move only after this second.
    package let validAfter: Timestamp
    /// The money may move only before this second.
    package let validBefore: Timestamp
    /// Hex Keccak-256 over everything signed and the signature, without `0x`: two
    /// payloads with the same fingerprint are the same payment.
    package let fingerprint: String
    /// `{"signature", "authorization"}` as received.
    package let payload: JSON

    package init(
        version: Int, network: String, asset: String, payer: String, payTo: String, atomicAmount: String, nonce: String,
        validAfter: Timestamp, validBefore: Timestamp, fingerprint: String, payload: JSON
    ) {
        self.version = version
        self.network = network
        self.asset = asset
        self.payer = payer
        self.payTo = payTo
        self.atomicAmount = atomicAmount
        self.nonce = nonce
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.fingerprint = fingerprint
        self.payload = payload
    }
}

/// A transaction that is signed and not yet sent, known by its hash for ever.
package struct PreparedTransaction: Sendable, Equatable {
    /// CAIP-2 id.
    package let network: String
    /// The network's own name for it: on EVM, `0x` and 64 hex digits in lower case.
    package let hash: String
    /// The bytes that are sent. Sending them again is harmless.
    package let raw: [UInt8]

    package init(network: String, hash: String, raw: [UInt8]) {
        self.network = network
        self.hash = hash
        self.raw = raw
    }
}

/// What the network says became of a transaction.
package enum Outcome: Sendable, Equatable {
    /// Executed, and as final as the rail asks for.
    case confirmed
    /// Seen by the network, not final yet. Ask again.
    case pending
    /// Refused or reverted: it moved no money, and the caller never sends it again.
    /// The reason, and words for people.
    case failed(X402Refusal.Reason, String)
}
