import Kernel
import Rails

/// What the sandbox executes: a signed authorization, in its one form.
///
/// Its hash follows from what was signed and the signature alone, so that preparing
/// the same authorization again, even after a crash, gives the same transaction.
struct SandboxTransaction: Sendable {
    let transfer: TransferAuthorization
    /// 65 bytes, low `s`, 27 or 28.
    let signature: [UInt8]

    /// What every signature for the sandbox's dollar is bound to.
    static let domain: EIP712Domain = makeDomain()

    private static func makeDomain() -> EIP712Domain {
        let token = EVMToken.baseSepoliaUSDC
        guard let contract = EVMAddress(token.address) else { preconditionFailure("the table holds addresses") }
        return EIP712Domain(name: token.name, version: token.version, chainID: EVMNetwork.baseSepolia.chainID, contract: contract)
    }

    /// Nil for a payload that says nothing the sandbox could execute.
    init?(payload: JSON) {
        guard let json = payload["authorization"], let transfer = TransferAuthorization(json: json),
            let text = payload["signature"]?.text, let bytes = Hex.decode(text),
            let signature = try? Secp256k1.canonical(bytes)  // Whatever is wrong with it, it is not executable.
        else { return nil }
        self.transfer = transfer
        self.signature = signature
    }

    init?(raw: [UInt8]) {
        guard let json = try? JSON.read(raw) else { return nil }  // Bytes that are no JSON are no transaction.
        self.init(payload: json)
    }

    /// The payload rewritten: what a client added or spelled otherwise is gone.
    var raw: [UInt8] {
        let members: [JSON.Member] = [
            JSON.Member("signature", .string("0x" + Hex.encode(signature))), JSON.Member("authorization", transfer.json),
        ]
        return JSON.object(members).bytes
    }

    /// What the holder signed.
    var digest: [UInt8] { transfer.digest(Self.domain) }

    /// `0x` and 64 hex digits.
    var hash: String { Self.hash(fingerprint: Hex.encode(Keccak256.hash(digest + signature))) }

    /// - Parameter fingerprint: Of the `Authorization` that is executed.
    static func hash(fingerprint: String) -> String {
        "0x" + Hex.encode(Keccak256.hash(Array((EVMNetwork.baseSepolia.caip2 + " " + fingerprint).utf8)))
    }
}
