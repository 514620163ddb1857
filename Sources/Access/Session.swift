import Crypto
import GRDB
import Kernel
import Storage

/// One browser that has signed in. The cookie holds 256 random bits; the file their SHA-256.
package struct Session: Sendable {
    package let person: Person
    package let expiresAt: Timestamp
    /// Sent back with every form: a page elsewhere cannot know it. Derived from the
    /// cookie's secret, so that nothing more needs to be kept.
    package let formToken: String

    private static func hash(_ secret: String, _ purpose: String) -> String {
        SHA256.hash(data: Array((purpose + secret).utf8)).withUnsafeBytes { Hex.encode(Array($0)) }
    }

    /// Begins a session and gives the cookie's secret.
    package static func begin(for person: Person, lasting: Duration, world: World, in db: Database) throws -> Secret<String> {
        let secret = Hex.encode(world.chance.bytes(32))
        let now = world.time.now()
        try db.run("DELETE FROM sessions WHERE expires_at <= ?", [now.milliseconds])
        try db.run(
            "INSERT INTO sessions (hash, person_id, created_at, expires_at) VALUES (?, ?, ?, ?)",
            [hash(secret, "session:"), person.id, now.milliseconds, (now + lasting).milliseconds])
        try AuditLog.record("session.begun", of: person.id, by: person.principal.actor, at: now, in: db)
        return Secret(secret)
    }

    /// The session a cookie belongs to, or nil where it is unknown or over.
    package static func find(_ secret: String, at now: Timestamp, in db: Database) throws -> Session? {
        let row = try db.row("SELECT person_id, expires_at FROM sessions WHERE hash = ? AND expires_at > ?", [hash(secret, "session:"), now.milliseconds])
        guard let row, let person = try Person.find(row[0], in: db) else { return nil }
        return Session(person: person, expiresAt: row[1], formToken: hash(secret, "form:"))
    }

    package static func end(_ secret: String, in db: Database) throws {
        try db.run("DELETE FROM sessions WHERE hash = ?", [hash(secret, "session:")])
    }
}

/// The one-time code that makes the first owner. 120 random bits, kept as SHA-256.
package enum SetupCode {
    private static func hash(_ code: String) -> String {
        SHA256.hash(data: Array(code.utf8)).withUnsafeBytes { Hex.encode(Array($0)) }
    }

    /// Makes a code; earlier ones end.
    package static func create(lasting: Duration, world: World, in db: Database) throws -> Secret<String> {
        let code = Hex.encode(world.chance.bytes(15))
        let now = world.time.now()
        try db.run("DELETE FROM setup_codes")
        try db.run("INSERT INTO setup_codes (hash, expires_at) VALUES (?, ?)", [hash(code), (now + lasting).milliseconds])
        try AuditLog.record("setup_code.created", of: "setup", by: .till, at: now, in: db)
        return Secret(code)
    }

    /// Uses the code up.
    ///
    /// - Throws: `Problem` with `setup_code_invalid` where it is unknown, used or over.
    package static func use(_ code: String, at now: Timestamp, in db: Database) throws {
        let used = try db.moved(
            "UPDATE setup_codes SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
            [now.milliseconds, hash(code), now.milliseconds])
        guard used else {
            throw Problem(.setupCodeInvalid, "This setup code is unknown, used or over. `till init` prints a new one.", param: "code")
        }
    }
}
