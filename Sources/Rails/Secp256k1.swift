import CSecp256k1
import Kernel

/// Ethereum's signatures, by libsecp256k1.
package enum Secp256k1 {
    /// Why a signature says nothing.
    package enum Fault: Error, Sendable, Equatable {
        /// Not 64 or 65 bytes, or a `v` other than 0, 1, 27 and 28.
        case malformed
        /// `r` or `s` is zero or beyond the curve's order, or no key fits.
        case invalid
        /// `s` is in the upper half of the order. Its twin in the lower half says the
        /// same; contracts accept only that one, so that no signature has two forms.
        case highS
        /// A private key of zero, beyond the order, or not 32 bytes.
        case unusableKey
    }

    // The library never changes a context but in calls made here once, before
    // anyone can see it, and says that reading it from many threads is safe.
    nonisolated(unsafe) private static let context: OpaquePointer = makeContext()

    private static func makeContext() -> OpaquePointer {
        // 1 is SECP256K1_CONTEXT_NONE: enough to sign and to recover since 0.2.
        guard let context = secp256k1_context_create(1) else { preconditionFailure("libsecp256k1 has no memory for its tables") }
        return context
    }

    /// Half of the curve's order, the largest `s` that is accepted. Source: EIP-2, SEC 2.
    private static let halfOrder: [UInt8] = [
        0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
    ]

    /// The one form of a signature: 65 bytes, `r`, `s`, and 27 or 28.
    ///
    /// - Parameter signature: 65 bytes with a `v` of 0, 1, 27 or 28, or the 64 bytes
    ///   of EIP-2098, where the highest bit of `s` is the parity.
    /// - Throws: `Fault.malformed`, `.highS` or `.invalid`.
    package static func canonical(_ signature: [UInt8]) throws(Fault) -> [UInt8] {
        var out = signature
        if signature.count == 64 {
            out.append(27 + (signature[32] >> 7))
            out[32] &= 0x7f
        } else if signature.count == 65 {
            if signature[64] < 2 { out[64] += 27 }
        } else {
            throw .malformed
        }
        guard out[64] == 27 || out[64] == 28 else { throw .malformed }
        let r = out[0..<32]
        let s = out[32..<64]
        guard r.contains(where: { $0 != 0 }), s.contains(where: { $0 != 0 }) else { throw .invalid }
        if halfOrder.lexicographicallyPrecedes(s) { throw .highS }
        return out
    }

    /// Who signed `digest`. Whether that is the right one is for the caller to see:
    /// nearly every signature is somebody's.
    ///
    /// - Parameters:
    ///   - digest: 32 bytes.
    ///   - signature: See `canonical`.
    package static func recover(_ digest: [UInt8], _ signature: [UInt8]) throws(Fault) -> EVMAddress {
        precondition(digest.count == 32, "a digest has 32 bytes")
        let compact = try canonical(signature)
        var parsed = secp256k1_ecdsa_recoverable_signature()
        guard secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, compact, Int32(compact[64]) - 27) == 1 else {
            throw .invalid
        }
        var key = secp256k1_pubkey()
        guard secp256k1_ecdsa_recover(context, &key, &parsed, digest) == 1 else { throw .invalid }
        return address(of: &key)
    }

    /// Signs `digest`: 65 bytes, low `s`, `v` 27 or 28. The same digest and key give
    /// the same signature (RFC 6979).
    package static func sign(_ digest: [UInt8], _ key: EVMKey) -> [UInt8] {
        precondition(digest.count == 32, "a digest has 32 bytes")
        var signed = secp256k1_ecdsa_recoverable_signature()
        let done = secp256k1_ecdsa_sign_recoverable(context, &signed, digest, key.secret.exposeSecret(), nil, nil)
        precondition(done == 1, "a key that made an address can sign")
        var out = [UInt8](repeating: 0, count: 64)
        var recovery: Int32 = 0
        let written = secp256k1_ecdsa_recoverable_signature_serialize_compact(context, &out, &recovery, &signed)
        // 2 and 3 would need an `r` within 2¹²⁸ of the order: not in this universe's lifetime.
        precondition(written == 1 && (recovery == 0 || recovery == 1), "a signature has a parity")
        out.append(27 + UInt8(recovery))
        return out
    }

    /// The address a private key controls.
    ///
    /// - Throws: `Fault.unusableKey`.
    package static func address(ofKey secret: [UInt8]) throws(Fault) -> EVMAddress {
        guard secret.count == 32 else { throw .unusableKey }
        var key = secp256k1_pubkey()
        guard secp256k1_ec_pubkey_create(context, &key, secret) == 1 else { throw .unusableKey }
        return address(of: &key)
    }

    private static func address(of key: inout secp256k1_pubkey) -> EVMAddress {
        var out = [UInt8](repeating: 0, count: 65)
        var count = 65
        // 2 is SECP256K1_EC_UNCOMPRESSED: 0x04 and both coordinates.
        let written = secp256k1_ec_pubkey_serialize(context, &out, &count, &key, 2)
        precondition(written == 1 && count == 65, "a valid key has 65 bytes")
        return out.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> EVMAddress in
            EVMAddress(publicKey: UnsafeRawBufferPointer(rebasing: bytes[1..<65]))
        }
    }
}

/// A private key and the address it controls.
package struct EVMKey: Sendable {
    /// 32 bytes.
    package let secret: Secret<[UInt8]>
    package let address: EVMAddress

    /// - Throws: `Secp256k1.Fault.unusableKey` for anything but 32 bytes between zero
    ///   and the curve's order.
    package init(_ bytes: [UInt8]) throws(Secp256k1.Fault) {
        address = try Secp256k1.address(ofKey: bytes)
        secret = Secret(bytes)
    }

    /// Reads 64 hex digits, with or without `0x`.
    package init(hex: String) throws(Secp256k1.Fault) {
        guard let bytes = Hex.decode(hex) else { throw .unusableKey }
        try self.init(bytes)
    }
}
