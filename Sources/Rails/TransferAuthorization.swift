import Kernel

/// A holder's permission to move an exact amount of a token, as EIP-3009 has it.
///
/// Whoever holds it and the signature may execute it, once, and only to `to`.
///
/// - SeeAlso: EIP-3009, `transferWithAuthorization`.
package struct TransferAuthorization: Sendable, Hashable {
    package let from: EVMAddress
    package let to: EVMAddress
    /// In the contract's smallest unit.
    package let value: UInt256
    /// Executable after this moment, and only after. Unit: seconds since 1970.
    package let validAfter: UInt256
    /// Executable before this moment. Unit: seconds since 1970.
    package let validBefore: UInt256
    /// 32 bytes, chosen by the holder. A contract takes each once per holder.
    package let nonce: [UInt8]

    package init(from: EVMAddress, to: EVMAddress, value: UInt256, validAfter: UInt256, validBefore: UInt256, nonce: [UInt8]) {
        precondition(nonce.count == 32, "a nonce has 32 bytes")
        self.from = from
        self.to = to
        self.value = value
        self.validAfter = validAfter
        self.validBefore = validBefore
        self.nonce = nonce
    }

    /// Reads the `authorization` of a payload: texts, of which the three numbers are
    /// decimal digits. Whole JSON numbers are read too: some clients write times so.
    ///
    /// Nil for a missing field or one that cannot be read.
    package init?(json: JSON) {
        guard let from = json["from"]?.text.flatMap({ EVMAddress($0) }), let to = json["to"]?.text.flatMap({ EVMAddress($0) }),
            let value = Self.number(json["value"]), let validAfter = Self.number(json["validAfter"]),
            let validBefore = Self.number(json["validBefore"]),
            let text = json["nonce"]?.text, text.utf8.count == 66, text.utf8.starts(with: [0x30, 0x78]), let nonce = Hex.decode(text)
        else { return nil }
        self.init(from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce)
    }

    private static func number(_ value: JSON?) -> UInt256? {
        switch value {
        case .some(.string(let text)): UInt256(decimal: text)
        case .some(.number(let digits)): UInt256(decimal: digits)
        default: Optional<UInt256>.none
        }
    }

    /// As a payload carries it.
    package var json: JSON {
        .object([
            JSON.Member("from", .string(from.checksummed)),
            JSON.Member("to", .string(to.checksummed)),
            JSON.Member("value", .string(value.decimal)),
            JSON.Member("validAfter", .string(validAfter.decimal)),
            JSON.Member("validBefore", .string(validBefore.decimal)),
            JSON.Member("nonce", .string("0x" + Hex.encode(nonce))),
        ])
    }

    package static let typeHash: [UInt8] = Keccak256.hash(
        Array(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)".utf8))

    package var structHash: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(224)
        bytes += Self.typeHash
        EIP712.append(from, to: &bytes)
        EIP712.append(to, to: &bytes)
        bytes += value.bytes
        bytes += validAfter.bytes
        bytes += validBefore.bytes
        bytes += nonce
        return Keccak256.hash(bytes)
    }

    /// What the holder signs, for the token that `domain` names.
    package func digest(_ domain: EIP712Domain) -> [UInt8] { EIP712.digest(domain, structHash: structHash) }

    /// The `payload` of an `exact` payment: this, and the holder's signature of it.
    package func signed(with key: EVMKey, for domain: EIP712Domain) -> JSON {
        let signature = Secp256k1.sign(digest(domain), key)
        return .object([JSON.Member("signature", .string("0x" + Hex.encode(signature))), JSON.Member("authorization", json)])
    }
}
