import Kernel
import Rails
import Simulation
import Testing

@Suite struct ExactEVMTests {
    static let now = World.simulatedStart

    /// One thing changed in a good payment, and the reason it must be refused for.
    struct Mutation: Sendable, CustomTestStringConvertible {
        let reason: X402Refusal.Reason
        let testDescription: String
        let change: @Sendable (inout Draft) -> Void

        init(_ reason: X402Refusal.Reason, _ description: String, _ change: @escaping @Sendable (inout Draft) -> Void) {
            self.reason = reason
            testDescription = "\(reason.rawValue): \(description)"
            self.change = change
        }
    }

    static let mutations: [Mutation] = termMutations + windowMutations + signatureMutations

    static let termMutations: [Mutation] = [
        Mutation(.invalidVersion, "version 3") { $0.version = 3 },
        Mutation(.unsupportedScheme, "another scheme paid") { $0.scheme = "upto" },
        Mutation(.unsupportedScheme, "another scheme asked for") { $0.requirements = changed(scheme: "upto") },
        Mutation(.networkMismatch, "another network") { $0.network = "eip155:8453" },
        Mutation(.unknownNetwork, "no EVM network") { draft in
            draft.network = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
            draft.requirements = changed(network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
        },
        Mutation(.invalidPayload, "no nonce") { $0.tamper = [JSON.Member("nonce", .null)] },
        Mutation(.invalidPayload, "a short nonce") { $0.tamper = [JSON.Member("nonce", "0x01")] },
        Mutation(.invalidPayload, "a negative value") { $0.tamper = [JSON.Member("value", "-1")] },
        Mutation(.invalidPayload, "a value in hexadecimal") { $0.tamper = [JSON.Member("value", "0x2710")] },
        Mutation(.invalidPayload, "a payer that is no address") { $0.tamper = [JSON.Member("from", "0x12")] },
        Mutation(.missingDomain, "no domain") { $0.requirements = changed(extra: .object([])) },
        Mutation(.missingDomain, "no version") { $0.requirements = changed(extra: .object([JSON.Member("name", "USDC")])) },
        Mutation(.invalidRequirements, "an asset that is no address") { $0.requirements = changed(asset: "USDC") },
        Mutation(.invalidRequirements, "a payee that is no address") { $0.requirements = changed(payTo: "0x12") },
        Mutation(.invalidRequirements, "an amount that is no number") { $0.requirements = changed(amount: "1.5") },
        Mutation(.recipientMismatch, "another payee") { $0.to = Buyer.strangerKey.address.checksummed },
        Mutation(.valueMismatch, "one unit less") { $0.value = "9999" },
        Mutation(.valueMismatch, "one unit more") { $0.value = "10001" },
    ]

    static let windowMutations: [Mutation] = [
        Mutation(.expired, "five seconds left") { $0.validBefore = "1700000005" },
        Mutation(.expired, "long over") { $0.validBefore = "1" },
        Mutation(.notYetValid, "opens in a second") { $0.validAfter = "1700000001" },
    ]

    static let signatureMutations: [Mutation] = [
        Mutation(.invalidSignature, "none") { $0.forge = { _ in nil } },
        Mutation(.invalidSignature, "an empty one") { $0.forge = { _ in "" } },
        Mutation(.invalidSignature, "no bytes") { $0.forge = { _ in "0x" } },
        Mutation(.invalidSignature, "a stranger's") { $0.signer = Buyer.strangerKey },
        Mutation(.invalidSignature, "one bit of s turned") { draft in
            draft.forge = { good in
                var bytes = good
                bytes[63] ^= 1
                return "0x" + Hex.encode(bytes)
            }
        },
        Mutation(.invalidSignature, "the high twin") { $0.forge = { _ in "0x" + Golden.highSignature } },
        Mutation(.invalidSignature, "zeros") { $0.forge = { _ in "0x" + String(repeating: "00", count: 64) + "1b" } },
        Mutation(.invalidSignature, "for another token name") { draft in
            let good = draft.payment.payload["signature"]?.text
            draft.requirements = changed(extra: .object([JSON.Member("name", "USD Coin"), JSON.Member("version", "2")]))
            draft.forge = { _ in good }
        },
        Mutation(.invalidSignature, "for another contract") { draft in
            let good = draft.payment.payload["signature"]?.text
            draft.requirements = changed(asset: Buyer.payTo)
            draft.forge = { _ in good }
        },
        Mutation(.invalidSignature, "another nonce put in") { draft in
            draft.tamper = [JSON.Member("nonce", .string("0x" + Hex.encode(Buyer.nonce(2))))]
        },
        Mutation(.invalidSignature, "another window put in") { $0.tamper = [JSON.Member("validBefore", "1700000301")] },
        Mutation(.invalidSignature, "another payer put in") { draft in
            draft.tamper = [JSON.Member("from", .string(Buyer.strangerKey.address.checksummed))]
        },
        Mutation(.unreadableSignature, "no hexadecimal") { $0.forge = { _ in "0xzz" } },
        Mutation(.unreadableSignature, "v of 29") { $0.forge = { ending($0, in: 29) } },
        Mutation(.undeployedWallet, "ERC-6492") { draft in
            draft.forge = { good in "0x" + Hex.encode(good) + String(repeating: "6492", count: 16) }
        },
        Mutation(.undeployedWallet, "a contract's own format") { $0.forge = { good in "0x" + Hex.encode(good + good) } },
    ]

    /// The signature with another last byte.
    static func ending(_ signature: [UInt8], in v: UInt8) -> String {
        var bytes = signature
        bytes[64] = v
        return "0x" + Hex.encode(bytes)
    }

    static func changed(
        scheme: String = "exact", network: String = "eip155:84532", amount: String = "10000", asset: String = EVMToken.baseSepoliaUSDC.address,
        payTo: String = Buyer.payTo, extra: JSON = EVMToken.baseSepoliaUSDC.extra
    ) -> PaymentRequirements {
        PaymentRequirements(
            scheme: scheme, network: network, amount: amount, asset: asset, payTo: payTo, maxTimeoutSeconds: 300, extra: extra)
    }

    @Test("every fault is refused with its own reason", arguments: mutations)
    func refuses(_ mutation: Mutation) {
        var draft = Draft()
        mutation.change(&draft)
        #expect(draft.refusal(at: Self.now)?.reason == mutation.reason)
        draft.version = draft.version == 2 ? 1 : draft.version
        #expect(draft.refusal(at: Self.now)?.reason == mutation.reason, "the same in version 1")
    }

    @Test("the table reaches every reason that needs no chain")
    func complete() {
        let needChain: Set<X402Refusal.Reason> = [
            .noSuchToken, .tokenNameMismatch, .tokenVersionMismatch, .nonceUsed, .insufficientBalance, .transactionFailed, .settlementPending,
            .duplicateSettlement, .verifyError, .settleError,
        ]
        #expect(Set(Self.mutations.map(\.reason)).union(needChain) == Set(X402Refusal.Reason.allCases))
    }

    @Test("the first reason in the order is the one given")
    func order() {
        // Everything wrong at once, then mended one by one.
        var draft = Draft()
        draft.version = 3
        draft.scheme = "upto"
        draft.network = "eip155:1"
        draft.tamper = [JSON.Member("nonce", .null)]
        draft.requirements = Self.changed(extra: .object([]))
        draft.to = Buyer.strangerKey.address.checksummed
        draft.value = "1"
        draft.validBefore = "1"
        draft.validAfter = "1700000999"
        draft.signer = Buyer.strangerKey
        #expect(draft.refusal(at: Self.now)?.reason == .invalidVersion)
        draft.version = 2
        #expect(draft.refusal(at: Self.now)?.reason == .unsupportedScheme)
        draft.scheme = "exact"
        #expect(draft.refusal(at: Self.now)?.reason == .networkMismatch)
        draft.network = "eip155:84532"
        #expect(draft.refusal(at: Self.now)?.reason == .invalidPayload)
        draft.tamper = []
        #expect(draft.refusal(at: Self.now)?.reason == .missingDomain)
        draft.requirements = Buyer.requirements
        #expect(draft.refusal(at: Self.now)?.reason == .recipientMismatch)
        draft.to = Buyer.payTo
        #expect(draft.refusal(at: Self.now)?.reason == .valueMismatch)
        draft.value = "10000"
        #expect(draft.refusal(at: Self.now)?.reason == .expired)
        draft.validBefore = "1700000300"
        #expect(draft.refusal(at: Self.now)?.reason == .notYetValid)
        draft.validAfter = "0"
        #expect(draft.refusal(at: Self.now)?.reason == .invalidSignature)
        draft.signer = Buyer.key
        #expect(draft.refusal(at: Self.now) == nil)
    }

    @Test("the window's ends are counted as x402 does")
    func window() {
        var draft = Draft()
        draft.validBefore = "1700000006"
        draft.validAfter = "1700000000"
        #expect(draft.refusal(at: Self.now) == nil)
        #expect(draft.refusal(at: Self.now + .milliseconds(999)) == nil)
        #expect(draft.refusal(at: Self.now + .seconds(1))?.reason == .expired)
        #expect(draft.refusal(at: Self.now - .milliseconds(1))?.reason == .notYetValid)
    }

    @Test("a good payment becomes an authorization")
    func authorization() throws {
        let draft = Draft()
        let found = try ExactEVM.verify(draft.payment, against: draft.requirements, at: Self.now)
        #expect(found.network == "eip155:84532" && found.version == 2)
        #expect(found.payer == Buyer.key.address.checksummed && found.payTo == Buyer.payTo)
        #expect(found.asset == EVMToken.baseSepoliaUSDC.address && found.atomicAmount == "10000")
        #expect(found.nonce == draft.nonce)
        #expect(found.validAfter.seconds == 1_699_999_400 && found.validBefore.seconds == 1_700_000_300)
        #expect(found.payload == draft.payment.payload)
    }

    @Test("the fingerprint changes with anything signed, not with spelling")
    func fingerprint() throws {
        let plain = try Self.fingerprint(of: Draft())
        #expect(plain.utf8.count == 64)
        var spelled = Draft()
        spelled.value = "00010000"
        spelled.to = Buyer.payTo.lowercased()
        spelled.forge = { good in Self.ending(good, in: good[64] - 27) }
        #expect(try Self.fingerprint(of: spelled) == plain)
        var otherNonce = Draft()
        otherNonce.nonce = "0x" + Hex.encode(Buyer.nonce(2))
        #expect(try Self.fingerprint(of: otherNonce) != plain)
        var otherWindow = Draft()
        otherWindow.validBefore = "1700000301"
        #expect(try Self.fingerprint(of: otherWindow) != plain)
    }

    private static func fingerprint(of draft: Draft) throws -> String {
        try ExactEVM.verify(draft.payment, against: draft.requirements, at: now).fingerprint
    }

    @Test("a validity without end is kept as the last moment that can be written")
    func endless() throws {
        var draft = Draft()
        draft.validBefore = UInt256Tests.max
        let found = try ExactEVM.verify(draft.payment, against: draft.requirements, at: Self.now)
        #expect(found.validBefore.rfc3339 == "9999-12-31T23:59:59.000Z")
    }

    @Test("refusals name the payer wherever it can be read")
    func payer() {
        var draft = Draft()
        draft.scheme = "upto"
        #expect(draft.refusal(at: Self.now)?.payer == Buyer.key.address.checksummed)
        draft.tamper = [JSON.Member("from", "nobody")]
        #expect(draft.refusal(at: Self.now)?.payer == nil)
    }

    @Test("payments made by the official Python client are good", arguments: [Golden.v1Header, Golden.v2Header])
    func official(_ header: String) throws {
        let payment = try PaymentPayload(header: header)
        #expect(payment.matches(Buyer.requirements))
        let found = try ExactEVM.verify(payment, against: Buyer.requirements, at: Self.now)
        #expect(found.payer == Buyer.key.address.checksummed && found.atomicAmount == "10000")
    }

    @Test("what our own buyer signs is good, in both versions", arguments: [1, 2])
    func ownBuyer(_ version: Int) throws {
        let payment = try ExactEVM.pay(Buyer.requirements, version: version, key: Buyer.key, nonce: Buyer.nonce(3), at: Self.now)
        let sent = try PaymentPayload(header: payment.header)
        #expect(sent == payment && sent.matches(Buyer.requirements))
        let found = try ExactEVM.verify(sent, against: Buyer.requirements, at: Self.now)
        #expect(found.version == version && found.validBefore.seconds == 1_700_000_300)
    }
}
