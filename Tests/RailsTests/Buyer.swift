import Kernel
import Rails
import Simulation

/// A buyer with a fixed key, and what it is asked for.
enum Buyer {
    /// Known to everyone: never give it money.
    static let hexKey = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
    static let key: EVMKey = makeKey(hexKey)
    /// Somebody else.
    static let strangerKey: EVMKey = makeKey("0x0000000000000000000000000000000000000000000000000000000000000001")
    static let payTo = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"

    private static func makeKey(_ hex: String) -> EVMKey {
        guard let key = try? EVMKey(hex: hex) else { preconditionFailure("the key is fixed and good") }
        return key
    }

    /// 0.01 USDC on Base Sepolia.
    static let requirements = PaymentRequirements(
        network: "eip155:84532", amount: "10000", asset: EVMToken.baseSepoliaUSDC.address, payTo: payTo, maxTimeoutSeconds: 300,
        extra: EVMToken.baseSepoliaUSDC.extra)

    /// 32 bytes that follow from `seed`.
    static func nonce(_ seed: UInt64) -> [UInt8] { SeededChance(seed: seed).bytes(32) }
}

/// A payment in the making: signed as it stands, then tampered with.
///
/// Terms are changed before signing, so that a wrong one is well signed and only
/// that one is wrong; `tamper` and `forge` change what was signed.
struct Draft: Sendable {
    var version = 2
    var scheme = "exact"
    var network = "eip155:84532"
    var requirements = Buyer.requirements
    var to = Buyer.payTo
    var value = "10000"
    var validAfter = "1699999400"
    var validBefore = "1700000300"
    var nonce = "0x" + Hex.encode(Buyer.nonce(1))
    var signer = Buyer.key
    /// Replaces fields of the signed authorization; null removes one.
    var tamper: [JSON.Member] = []
    /// Makes another signature text of the good one's bytes; nil sends none.
    var forge: @Sendable ([UInt8]) -> String? = { "0x" + Hex.encode($0) }

    /// The fields as they were before tampering.
    private var authorization: JSON {
        .object([
            JSON.Member("from", .string(Buyer.key.address.checksummed)), JSON.Member("to", .string(to)), JSON.Member("value", .string(value)),
            JSON.Member("validAfter", .string(validAfter)), JSON.Member("validBefore", .string(validBefore)),
            JSON.Member("nonce", .string(nonce)),
        ])
    }

    var payment: PaymentPayload {
        var members: [JSON.Member] = []
        if let text = forge(signature) { members.append(JSON.Member("signature", .string(text))) }
        members.append(JSON.Member("authorization", tampered))
        return PaymentPayload(
            version: version, scheme: scheme, network: network, accepted: version == 1 ? nil : requirements, payload: .object(members))
    }

    private var signature: [UInt8] {
        guard let transfer = TransferAuthorization(json: authorization), let domain = try? ExactEVM.domain(of: requirements) else {
            return [UInt8](repeating: 1, count: 65)
        }
        return Secp256k1.sign(transfer.digest(domain), signer)
    }

    private var tampered: JSON {
        var members: [JSON.Member] = []
        for member in authorization.members ?? [] {
            let change = tamper.first { $0.key == member.key }
            if let change {
                if !change.value.isNull { members.append(change) }
            } else {
                members.append(member)
            }
        }
        return .object(members)
    }

    /// The reason it is refused for at `now`, or nil where it is good.
    func refusal(at now: Timestamp) -> X402Refusal? {
        do throws(X402Refusal) {
            _ = try ExactEVM.verify(payment, against: requirements, at: now)
            return nil
        } catch {
            return error
        }
    }
}
