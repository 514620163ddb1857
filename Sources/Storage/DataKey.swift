import Crypto
import Foundation
import Kernel

/// The key that seals secrets at rest: kept beside the database, never in it.
///
/// AES-256-GCM with a random 96-bit nonce for each sealing; the purpose is bound
/// as associated data, so that a sealed value cannot be moved to another column.
package struct DataKey: Sendable {
    private let key: Secret<SymmetricKey>

    /// - Parameter bytes: 32 bytes.
    package init(_ bytes: Secret<[UInt8]>) {
        precondition(bytes.exposeSecret().count == 32)
        key = Secret(SymmetricKey(data: bytes.exposeSecret()))
    }

    /// nonce (12), ciphertext, tag (16).
    package func seal(_ plain: [UInt8], for purpose: String, nonce: [UInt8]) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            plain, using: key.exposeSecret(), nonce: AES.GCM.Nonce(data: nonce), authenticating: Array(purpose.utf8))
        return nonce + Array(box.ciphertext) + Array(box.tag)
    }

    /// - Throws: where the key is another, the purpose is another, or a bit has changed.
    package func open(_ sealed: [UInt8], for purpose: String) throws -> [UInt8] {
        let box = try AES.GCM.SealedBox(combined: sealed)
        return Array(try AES.GCM.open(box, using: key.exposeSecret(), authenticating: Array(purpose.utf8)))
    }

    /// Says which key it is without saying the key: the first 16 hex digits of its SHA-256.
    package var fingerprint: String {
        key.exposeSecret().withUnsafeBytes { String(Hex.encode(SHA256.hash(data: $0).map { $0 }).prefix(16)) }
    }
}
