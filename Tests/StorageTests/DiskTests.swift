import GRDB
import Kernel
import Storage
import Testing

/// Room on the disk: what is kept free, what happens without it, how long the WAL gets.
@Suite struct DiskTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func expectFull(_ store: Store, _ sql: String) async {
        let failure = await #expect(throws: StoreFailure.self) { try await store.write { db in try db.execute(sql: sql) } }
        guard case .diskFull = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test func `below the reserve writes are refused, reads go on, and writes resume`() async throws {
        let free = Tally(1_000)
        var options = Store.Options()
        options.reserveBytes = 1_000
        options.freeBytes = { free.value }
        let store = try scratch.open(options: options)
        try await store.write { db in try Note.add("before", in: db) }

        free.set(999)
        await expectFull(store, "INSERT INTO notes (text) VALUES ('refused')")
        let meanwhile: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(meanwhile == ["before"])
        #expect(store.stopped == nil)

        free.set(1_000)
        try await store.write { db in try Note.add("after", in: db) }
        let texts: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(texts == ["before", "after"])
    }

    @Test func `where the room is not known nothing is refused`() async throws {
        var options = Store.Options()
        options.reserveBytes = .max
        let store = try scratch.open(options: options)
        try await store.write { db in try Note.add("written", in: db) }
    }

    /// A limit on pages makes SQLite itself say SQLITE_FULL, as a full disk does.
    @Test func `SQLite's own full disk is told as one, and writes resume`() async throws {
        let store = try scratch.open()
        try await store.write { db in
            try Note.add("before", in: db)
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages)")
        }
        await expectFull(store, "INSERT INTO notes (text) VALUES (hex(zeroblob(200000)))")
        let meanwhile: [String] = try await store.read { db in try Note.texts(in: db) }
        #expect(meanwhile == ["before"])
        #expect(store.stopped == nil)

        try await store.write { db in _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = 1000000") }
        try await store.write { db in try db.execute(sql: "INSERT INTO notes (text) VALUES (hex(zeroblob(200000)))") }
        let count: Int = try await store.read { db in try Note.count(in: db) }
        #expect(count == 2)
    }

    @Test func `checkpoints between commits keep the WAL short`() async throws {
        var options = Store.Options()
        options.checkpointPages = 50
        let store = try scratch.open(options: options)
        let text = String(repeating: "x", count: 3_000)
        for _ in 0..<300 { try await store.write { db in try Note.add(text, in: db) } }
        let wal = scratch.bytes(Scratch.name + "-wal").count
        // Each row fills a page: unchecked, the WAL would be several hundred of them.
        #expect(wal <= 100 * 4_120, "the WAL has \(wal) bytes")
        #expect(scratch.bytes().count >= 200 * 4_096)
    }
}
