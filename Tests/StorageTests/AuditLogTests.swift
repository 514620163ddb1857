import Foundation
import GRDB
import Kernel
import Storage
import Testing

@Suite struct AuditLogTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Five rows, as five transactions wrote them.
    private func write(_ store: Store) async throws {
        for number in 1...5 {
            try await store.write { db in
                try AuditLog.record(
                    "sale.recorded", of: "sale_\(number)", by: AuditLog.Actor("key:key_1"), money: ["\(number)00 USDC", "-\(number)00 USDC"],
                    at: Scratch.now + Duration.seconds(number), in: db)
            }
        }
    }

    @Sendable static func faults(in db: Database) throws -> [String] {
        try AuditLog.questions.flatMap { question in try question.faults(db) }
    }

    @Test func `what was recorded is an unbroken chain`() async throws {
        let store = try scratch.open()
        let empty: [String] = try await store.read { db in try Self.faults(in: db) }
        #expect(empty == [])
        try await write(store)
        let full: [String] = try await store.read { db in try Self.faults(in: db) }
        #expect(full == [])
    }

    @Test func `rows of writes that failed leave no gap, and those at once no double`() async throws {
        let store = try scratch.open()
        let failed = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do {
                        try await store.write { db in
                            try AuditLog.record("link.created", of: "plink_\(number)", by: .till, at: Scratch.now, in: db)
                            if number % 4 == 0 { throw Refused(number: number) }
                        }
                        return false
                    } catch {
                        return true
                    }
                }
            }
            var failed = 0
            for await one in group where one { failed += 1 }
            return failed
        }
        #expect(failed == 50)
        let faults: [String] = try await store.read { db in try Self.faults(in: db) }
        #expect(faults == [])
        let count: Int? = try await store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM audit_log") }
        #expect(count == 150)
    }

    @Test func `the digest of a fact's money is kept beside it`() async throws {
        let store = try scratch.open()
        try await write(store)
        try await store.write { db in try AuditLog.record("link.created", of: "plink_1", by: .till, at: Scratch.now, in: db) }
        let found: [String?] = try await store.read { db in
            [
                try AuditLog.digest(of: "sale.recorded", on: "sale_3", in: db), try AuditLog.digest(of: "link.created", on: "plink_1", in: db),
                try AuditLog.digest(of: "sale.recorded", on: "sale_9", in: db),
            ]
        }
        #expect(found == [AuditLog.digest(["300 USDC", "-300 USDC"]), "", nil])
        #expect(AuditLog.digest(["ab", "c"]) != AuditLog.digest(["a", "bc"]))
        #expect(AuditLog.digest(["a", "b"]) != AuditLog.digest(["b", "a"]))
    }

    @Test(
        "the schema refuses to change it",
        arguments: [
            "UPDATE audit_log SET actor = 'till'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE sequence = 5",
            "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE sequence = 2",
        ])
    func immutable(_ sql: String) async throws {
        let store = try scratch.open()
        try await write(store)
        let error = await #expect(throws: DatabaseError.self) { try await store.write { db in try db.execute(sql: sql) } }
        #expect(error?.message == "the audit log is immutable")
    }

    /// One way of changing history, with SQL that goes past the triggers.
    struct Tampering: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: String
        let found: String
        init(_ description: String, _ sql: String, finds found: String) {
            testDescription = description
            self.sql = sql
            self.found = found
        }
    }

    static let tamperings: [Tampering] = [
        Tampering("another action", "UPDATE audit_log SET action = 'sale.undone' WHERE sequence = 3", finds: changed(3)),
        Tampering("another object", "UPDATE audit_log SET object = 'sale_9' WHERE sequence = 3", finds: changed(3)),
        Tampering("another actor", "UPDATE audit_log SET actor = 'till' WHERE sequence = 5", finds: changed(5)),
        Tampering("another moment", "UPDATE audit_log SET at = at + 1 WHERE sequence = 1", finds: changed(1)),
        Tampering("other money", "UPDATE audit_log SET digest = '' WHERE sequence = 2", finds: changed(2)),
        Tampering("another hash", "UPDATE audit_log SET hash = hash || 'f' WHERE sequence = 4", finds: changed(4)),
        Tampering("another number", "UPDATE audit_log SET sequence = 9 WHERE sequence = 5", finds: missing(5)),
        Tampering("the first row taken out", "DELETE FROM audit_log WHERE sequence = 1", finds: missing(1)),
        Tampering("a row taken out", "DELETE FROM audit_log WHERE sequence = 3", finds: missing(3)),
        Tampering(
            "a row taken out and the gap closed",
            "DELETE FROM audit_log WHERE sequence = 3; UPDATE audit_log SET sequence = sequence - 1 WHERE sequence > 3", finds: changed(3)),
        Tampering(
            "a row put in", "INSERT INTO audit_log SELECT 6, at, action, object, actor, digest, hash FROM audit_log WHERE sequence = 5",
            finds: changed(6)),
        Tampering(
            "two rows exchanged",
            """
            UPDATE audit_log SET sequence = 99 WHERE sequence = 2; UPDATE audit_log SET sequence = 2 WHERE sequence = 3;
            UPDATE audit_log SET sequence = 3 WHERE sequence = 99
            """, finds: changed(2)),
    ]

    private static func changed(_ row: Int) -> String { "audit row \(row) is not what was written" }
    private static func missing(_ row: Int) -> String { "audit row \(row) is missing" }

    @Test("every tampering is found", arguments: tamperings)
    func found(_ tampering: Tampering) async throws {
        do {
            let store = try scratch.open()
            try await write(store)
            try await store.close()
        }
        try scratch.copy(to: "copy.sqlite")
        let raw = try scratch.raw("copy.sqlite")
        let faults: [String] = try raw.inDatabase { db in
            try db.execute(sql: "DROP TRIGGER audit_log_update; DROP TRIGGER audit_log_delete;")
            let before = try Self.faults(in: db)
            #expect(before == [])
            try db.execute(sql: tampering.sql)
            return try Self.faults(in: db)
        }
        #expect(faults.contains(tampering.found), "\(faults)")
    }
}
