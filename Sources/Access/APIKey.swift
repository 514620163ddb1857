import Crypto
import GRDB
import Kernel
import Storage

/// What a key, or a person, may do.
package enum Scope: String, Sendable, CaseIterable {
    /// See everything of the seller in the key's mode.
    case read
    /// Create and change products and links. Includes `read`.
    case write
    /// Use the facilitator routes.
    case payments
    /// Manage webhook endpoints.
    case webhooks
    /// Everything, and the keys themselves.
    case admin
}

/// Who is asking, and what they may do.
package struct Principal: Sendable, Equatable {
    package let sellerID: String
    package let livemode: Bool
    package let scopes: Set<Scope>
    package let actor: AuditLog.Actor

    package init(sellerID: String, livemode: Bool, scopes: Set<Scope>, actor: AuditLog.Actor) {
        self.sellerID = sellerID
        self.livemode = livemode
        self.scopes = scopes
        self.actor = actor
    }

    package func may(_ scope: Scope) -> Bool {
        scopes.contains(scope) || scopes.contains(.admin) || scope == .read && scopes.contains(.write)
    }
}

/// A program's way in: `sk_test_` or `sk_live_` and 256 random bits.
///
/// Only the SHA-256 is kept: a random secret that long needs no slow hash. The
/// secret itself is shown once.
package struct APIKey: Sendable {
    package let id: String
    package let sellerID: String
    package let livemode: Bool
    package let name: String
    /// The start of the secret, for telling keys apart: `sk_test_1a2b3c4d`.
    package let prefix: String
    package let scopes: Set<Scope>
    package let createdAt: Timestamp
    package let expiresAt: Timestamp?
    package let lastUsedAt: Timestamp?
    package let revokedAt: Timestamp?

    private static let prefixLength = 16

    private static func hash(_ secret: String) -> String {
        SHA256.hash(data: Array(secret.utf8)).withUnsafeBytes { Hex.encode(Array($0)) }
    }

    /// Creates a key and gives its secret, which nothing can give again.
    package static func create(
        named name: String, scopes: Set<Scope>, sellerID: String, livemode: Bool, expiresAt: Timestamp? = nil, by actor: AuditLog.Actor,
        world: World, in db: Database
    ) throws -> (key: APIKey, secret: Secret<String>) {
        precondition(!scopes.isEmpty, "a key that may do nothing is a mistake")
        let secret = (livemode ? "sk_live_" : "sk_test_") + Hex.encode(world.chance.bytes(32))
        let now = world.time.now()
        let key = APIKey(
            id: world.newID(.apiKey), sellerID: sellerID, livemode: livemode, name: name, prefix: String(secret.prefix(prefixLength)),
            scopes: scopes, createdAt: now, expiresAt: expiresAt, lastUsedAt: nil, revokedAt: nil)
        try db.run(
            """
            INSERT INTO api_keys (id, seller_id, livemode, name, prefix, hash, scopes, created_at, expires_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                key.id, sellerID, livemode, name, key.prefix, hash(secret), scopes.map(\.rawValue).sorted().joined(separator: " "),
                now.milliseconds, expiresAt?.milliseconds,
            ])
        try AuditLog.record("api_key.created", of: key.id, by: actor, at: now, in: db)
        return (key, Secret(secret))
    }

    /// Whose key `secret` is, or nil where it is unknown, revoked or expired.
    ///
    /// Found by its prefix and compared as digests of equal length, in constant time.
    package static func authenticate(_ secret: String, at now: Timestamp, in db: Database) throws -> APIKey? {
        let digest = Array(hash(secret).utf8)
        for row in try db.rows("SELECT * FROM api_keys WHERE prefix = ?", [String(secret.prefix(prefixLength))]) {
            guard equalInConstantTime(Array((row["hash"] as String).utf8), digest) else { continue }
            let key = APIKey(row: row)
            if key.revokedAt != nil { return nil }
            if let end = key.expiresAt, end <= now { return nil }
            return key
        }
        return nil
    }

    /// Notes that the key was used. The caller does so once a minute at most: it is a write.
    package static func touch(_ id: String, at now: Timestamp, in db: Database) throws {
        try db.run("UPDATE api_keys SET last_used_at = ? WHERE id = ?", [now.milliseconds, id])
    }

    /// Ends the key at once.
    ///
    /// - Returns: false where it had ended before.
    /// - Throws: `Problem` with `api_key_not_found`.
    package static func revoke(
        _ id: String, sellerID: String, livemode: Bool, by actor: AuditLog.Actor, at now: Timestamp, in db: Database
    ) throws -> Bool {
        guard try db.row("SELECT 1 FROM api_keys WHERE id = ? AND seller_id = ? AND livemode = ?", [id, sellerID, livemode]) != nil else {
            throw Problem(.apiKeyNotFound, "No API key has the id \(id).")
        }
        let revoked = try db.moved("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", [now.milliseconds, id])
        if revoked { try AuditLog.record("api_key.revoked", of: id, by: actor, at: now, in: db) }
        return revoked
    }

    /// The mode a key belongs to; false where there is no such key.
    package static func isLive(_ id: String, in db: Database) throws -> Bool {
        let row = try db.row("SELECT livemode FROM api_keys WHERE id = ?", [id])
        return row.map { (row: Row) -> Bool in row[0] } ?? false
    }

    /// The seller's keys, newest first, ended ones included.
    package static func list(sellerID: String, livemode: Bool, page: PageRequest, in db: Database) throws -> Page<APIKey> {
        let rows = try db.rows(
            "SELECT * FROM api_keys WHERE seller_id = ? AND livemode = ? AND id < ? ORDER BY id DESC LIMIT ?",
            [sellerID, livemode, page.before, page.limit + 1])
        return Page(rows.map(APIKey.init(row:)), limit: page.limit, id: \.id)
    }

    package var principal: Principal {
        Principal(sellerID: sellerID, livemode: livemode, scopes: scopes, actor: AuditLog.Actor("key:" + id))
    }
}

extension APIKey {
    fileprivate init(row: Row) {
        id = row["id"]
        sellerID = row["seller_id"]
        livemode = row["livemode"]
        name = row["name"]
        prefix = row["prefix"]
        scopes = Set((row["scopes"] as String).split(separator: " ").compactMap { Scope(rawValue: String($0)) })
        createdAt = row["created_at"]
        expiresAt = row["expires_at"]
        lastUsedAt = row["last_used_at"]
        revokedAt = row["revoked_at"]
    }
}

extension Problem.Code {
    package static let apiKeyNotFound = Self("api_key_not_found", .notFound, "There is no such API key")
}
