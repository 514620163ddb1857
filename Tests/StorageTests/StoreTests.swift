import Foundation
import GRDB
import Kernel
import Storage
import Testing

@Suite struct StoreTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Numbers as SQLite gives them back, not as they were asked for.
    @Sendable static func pragmas(_ names: [String], in db: Database) throws -> [Int] {
        try names.map { name in try Int.fetchOne(db, sql: "PRAGMA " + name) ?? -1 }
    }

    @Test func `the writer is durable and keeps references and triggers`() async throws {
        let store = try scratch.open()
        let journal: String? = try await store.write { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
        let numbers: [Int] = try await store.write { db in
            try Self.pragmas(["synchronous", "foreign_keys", "recursive_triggers", "trusted_schema", "page_size"], in: db)
        }
        #expect(journal == "wal")
        #expect(numbers == [2, 1, 1, 0, 4_096])
    }

    /// See docs/decisions/0002-one-writer.md: a second connection that checkpoints is what SQLite's WAL-reset bug needs.
    @Test func `no connection checkpoints by itself`() async throws {
        let store = try scratch.open()
        let writer: [Int] = try await store.write { db in try Self.pragmas(["wal_autocheckpoint"], in: db) }
        #expect(writer == [0])
        for _ in 0..<6 {
            let reader: [Int] = try await store.read { db in try Self.pragmas(["wal_autocheckpoint", "trusted_schema"], in: db) }
            #expect(reader == [0, 0])
        }
    }

    @Test func `readers cannot write, whatever they try`() async throws {
        let store = try scratch.open()
        let insert = "INSERT INTO notes (text) VALUES ('x')"
        for attempt in [insert, "PRAGMA query_only = 0; " + insert, "DROP TABLE notes"] {
            let error = await #expect(throws: DatabaseError.self) { try await store.read { db in try db.execute(sql: attempt) } }
            #expect(error?.resultCode == .SQLITE_READONLY)
        }
        let count: Int = try await store.read { db in try Note.count(in: db) }
        #expect(count == 0)
    }

    @Test func `a second store on the same file is refused until the first is gone`() async throws {
        do {
            let first = try scratch.open()
            let refusal = #expect(throws: StoreRefusal.self) { try scratch.open() }
            #expect(refusal?.description.contains("locked") == true)
            try await first.write { db in try Note.add("kept", in: db) }
            try await first.close()
        }
        let second = try scratch.open()
        let texts: [String] = try await second.read { db in try Note.texts(in: db) }
        #expect(texts == ["kept"])
    }

    @Test func `the lock file is its owner's alone`() throws {
        let store = try scratch.open()
        let attributes = try FileManager.default.attributesOfItem(atPath: store.path + ".lock")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func `closing empties the WAL into the file`() async throws {
        do {
            let store = try scratch.open()
            try await store.write { db in try Note.add("in the file", in: db) }
            try await store.close()
        }
        #expect(scratch.bytes(Scratch.name + "-wal").isEmpty)
        let header = scratch.bytes().prefix(20)
        // Bytes 18 and 19 of the header: 2 is WAL, and stays with the file.
        #expect(Array(header.suffix(2)) == [2, 2])
        let raw = try scratch.raw()
        let texts: [String] = try raw.inDatabase { db in try Note.texts(in: db) }
        #expect(texts == ["in the file"])
    }

    @Test func `what was written and not closed is there when the file is opened again`() async throws {
        do {
            let store = try scratch.open()
            try await store.write { db in try Note.add("from the WAL", in: db) }
        }
        let store = try scratch.open()
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(texts == ["from the WAL"])
    }

    @Test(.timeLimit(.minutes(1))) func `a read sees one moment from its first row to its last`() async throws {
        let store = try scratch.open()
        let (reading, written) = (Tally(), Tally())
        async let counts: [Int] = store.read { db in
            let before = try Note.count(in: db)
            reading.set(1)
            written.block(until: 1)
            let after = try Note.count(in: db)
            return [before, after]
        }
        while reading.value == 0 { await Task.yield() }
        try await store.write { db in try Note.add("meanwhile", in: db) }
        written.set(1)
        let seen = try await counts
        #expect(seen == [0, 0])
        let after: Int = try await store.read { db in try Note.count(in: db) }
        #expect(after == 1)
    }

    @Test func `the file answers for itself`() async throws {
        let store = try scratch.open()
        for question in StorageSchema.questions {
            let faults: [String] = try await store.read { db in try question.faults(db) }
            #expect(faults == [], "\(question.claim)")
        }
        #expect(Store.libraryVersion.hasPrefix("3."))
    }

    @Test func `a reference that leads nowhere is found`() async throws {
        do {
            let store = try scratch.open()
            try await store.close()
        }
        let raw = try scratch.raw()
        let faults: [String] = try raw.inDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA foreign_keys = OFF;
                    CREATE TABLE answers (note INTEGER NOT NULL REFERENCES notes (id)) STRICT;
                    INSERT INTO answers VALUES (7);
                    """)
            return try StorageSchema.questions.flatMap { question in try question.faults(db) }
        }
        #expect(faults == ["row 1 of answers points to nothing in notes"])
    }

    @Test func `pages follow one another without gap or double`() {
        let ids: [String] = ["e", "d", "c", "b", "a"]
        func page(_ request: PageRequest) -> Page<String> {
            let found = ids.filter { $0 < request.before }.prefix(request.limit + 1)
            return Page(Array(found), limit: request.limit) { $0 }
        }
        let first = page(PageRequest(limit: 2))
        let second = page(PageRequest(limit: 2, before: first.next))
        let third = page(PageRequest(limit: 2, before: second.next))
        #expect(first.items == ["e", "d"] && first.next == "d")
        #expect(second.items == ["c", "b"] && second.next == "b")
        #expect(third.items == ["a"] && third.next == nil)
        #expect(page(PageRequest(limit: 5)).next == nil)
    }
}
