import Crypto
import GRDB
import Kernel

/// The hash-chained list of what was done, by whom, in the transaction that did it.
///
/// Each row's hash covers the row and the hash before it, so that a row cannot be
/// changed, taken out or put in without the chain showing it. `digest` covers the
/// money columns of the rows the fact wrote.
package enum AuditLog {
    /// Who did it: `key:key_…`, `person:per_…`, `buyer:0x…`, `local:<uid>`, `till`.
    package struct Actor: Sendable, Equatable {
        package let text: String
        package init(_ text: String) { self.text = text }
        package static let till = Actor("till")
    }

    /// Writes one row. Call it in the transaction that records the fact itself.
    ///
    /// - Parameter money: The money columns of the rows written, in an order that
    ///   the module's audit question repeats. Empty where no money is concerned.
    package static func record(
        _ action: String, of object: String, by actor: Actor, money: [String] = [], at time: Timestamp, in db: Database
    ) throws {
        let last = try db.row("SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1")
        let sequence = (last?[0] as Int64? ?? 0) + 1
        let before = last?[1] as String? ?? ""
        let digest = money.isEmpty ? "" : digest(money)
        let hash = hash(sequence, time.milliseconds, action, object, actor.text, digest, before)
        try db.run(
            "INSERT INTO audit_log (sequence, at, action, object, actor, digest, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [sequence, time.milliseconds, action, object, actor.text, digest, hash])
    }

    /// What `record` keeps of `money`.
    package static func digest(_ money: [String]) -> String { sha256(money) }

    /// The digest recorded for `action` on `object`, or nil where there is no such row.
    package static func digest(of action: String, on object: String, in db: Database) throws -> String? {
        try db.row("SELECT digest FROM audit_log WHERE object = ? AND action = ?", [object, action])?["digest"]
    }

    private static func hash(
        _ sequence: Int64, _ at: Int64, _ action: String, _ object: String, _ actor: String, _ digest: String, _ before: String
    ) -> String { sha256([String(sequence), String(at), action, object, actor, digest, before]) }

    /// Over the texts with a byte between them that none of them holds.
    private static func sha256(_ parts: [String]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        for part in parts {
            bytes += part.utf8
            bytes.append(0x1f)
        }
        return SHA256.hash(data: bytes).withUnsafeBytes { Hex.encode(Array($0)) }
    }

    package static let questions = [
        AuditQuestion("the audit log is an unbroken chain") { db in
            var before = ""
            var expected: Int64 = 1
            var faults: [String] = []
            let rows = try Row.fetchCursor(db, sql: "SELECT sequence, at, action, object, actor, digest, hash FROM audit_log ORDER BY sequence")
            while let row = try rows.next(), faults.count < 100 {
                let sequence: Int64 = row["sequence"]
                if sequence != expected { faults.append("audit row \(expected) is missing") }
                let found: String = row["hash"]
                if hash(sequence, row["at"], row["action"], row["object"], row["actor"], row["digest"], before) != found {
                    faults.append("audit row \(sequence) is not what was written")
                }
                before = found
                expected = sequence + 1
            }
            return faults
        }
    ]
}
