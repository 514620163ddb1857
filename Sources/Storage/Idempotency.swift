import Crypto
import Foundation
import GRDB
import Kernel

/// The caller's name for a request, so that asking twice acts once.
///
/// The answer is stored in the savepoint of the effect, so that the two can never
/// part; sealed, because some answers hold a secret that is shown once.
package struct IdempotencyClaim: Sendable {
    /// `seller/mode`, so that two sellers' keys never meet.
    let owner: String
    let route: String
    let key: String
    /// SHA-256 over the body as received.
    let bodyHash: String

    package init(owner: String, route: String, key: String, body: [UInt8]) {
        self.owner = owner
        self.route = route
        self.key = key
        bodyHash = SHA256.hash(data: body).withUnsafeBytes { Hex.encode(Array($0)) }
    }
}

/// An answer as it was, or would have been, sent.
package struct StoredAnswer: Sendable, Equatable {
    package let status: Int
    package let body: [UInt8]
    /// Whether this is the answer of an earlier request with the same key.
    package let isReplay: Bool

    package init(status: Int, body: [UInt8], isReplay: Bool = false) {
        self.status = status
        self.body = body
        self.isReplay = isReplay
    }
}

extension Store {
    /// Runs `effect` unless its claim was used before, and stores its answer with it.
    ///
    /// A refusal thrown by `effect` rolls back and is not stored: the caller may
    /// mend the request and use the key again.
    ///
    /// - Throws: `Problem` with `idempotency_key_reused` where the key came with
    ///   another body; what `effect` threw; `StoreFailure`.
    package func write(
        once claim: IdempotencyClaim?, sealedBy key: DataKey, world: World, _ effect: @escaping @Sendable (Database) throws -> StoredAnswer
    ) async throws -> StoredAnswer {
        guard let claim else { return try await write(effect) }
        return try await write { db in
            let purpose = "idempotency/\(claim.owner)/\(claim.route)/\(claim.key)"
            if let row = try db.row(
                "SELECT body_hash, status, answer FROM idempotency_keys WHERE owner = ? AND route = ? AND key = ?",
                [claim.owner, claim.route, claim.key])
            {
                guard row["body_hash"] == claim.bodyHash else {
                    throw Problem(.idempotencyKeyReused, "This Idempotency-Key came with another body before. Use a new key for a new request.")
                }
                return StoredAnswer(status: row["status"], body: try key.open([UInt8](row["answer"] as Data), for: purpose), isReplay: true)
            }
            let answer = try effect(db)
            let sealed = try key.seal(answer.body, for: purpose, nonce: world.chance.bytes(12))
            try db.run(
                "INSERT INTO idempotency_keys (owner, route, key, body_hash, status, answer, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [claim.owner, claim.route, claim.key, claim.bodyHash, answer.status, Data(sealed), world.time.now()])
            return answer
        }
    }
}

extension Problem.Code {
    package static let idempotencyKeyReused = Self("idempotency_key_reused", .unprocessable, "The idempotency key was used for another request")
    package static let invalidIdempotencyKey = Self("invalid_idempotency_key", .invalid, "The idempotency key cannot be used")
}
