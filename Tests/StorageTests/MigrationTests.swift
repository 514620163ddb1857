import Foundation
import GRDB
import Kernel
import Storage
import Testing

@Suite struct MigrationTests {
    static let notes = Scratch.notes
    static let tags = Migration("test/2 tags", "CREATE TABLE tags (text TEXT NOT NULL) STRICT; INSERT INTO tags VALUES ('first')")

    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func migrate(_ schema: [Migration], options: Store.Options = Store.Options()) async throws {
        let store = try scratch.open(schema, options: options)
        try await store.close()
    }

    /// The file's tables, past `Store`.
    private func tables(_ name: String = Scratch.name) throws -> [String] {
        let raw = try scratch.raw(name)
        return try raw.inDatabase { db in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") }
    }

    @Test func `a step is noted with its hash and moment, in order`() async throws {
        try await migrate([Self.notes])
        try await migrate([Self.notes, Self.tags])
        let raw = try scratch.raw()
        let rows: [Row] = try raw.inDatabase { db in try db.rows("SELECT name, hash, applied_at FROM schema_migrations ORDER BY position") }
        let names: [String] = rows.map { $0["name"] }
        let hashes: [String] = rows.map { $0["hash"] }
        let times: [Int64] = rows.map { $0["applied_at"] }
        #expect(names == [Self.notes.name, Self.tags.name])
        #expect(hashes == [Self.notes.hash, Self.tags.hash])
        #expect(times == [Scratch.now.milliseconds, Scratch.now.milliseconds])
    }

    @Test func `a step runs once`() async throws {
        for _ in 0..<3 { try await migrate([Self.notes, Self.tags]) }
        let store = try scratch.open([Self.notes, Self.tags])
        let count: Int? = try await store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM tags") }
        #expect(count == 1)
    }

    @Test func `a module that comes later takes its place at the end`() async throws {
        try await migrate([Self.tags])
        try await migrate([Self.notes, Self.tags])
        #expect(try tables() == ["notes", "schema_migrations", "tags"])
    }

    @Test func `a step that was edited is refused`() async throws {
        try await migrate([Self.notes])
        let edited = Migration(Self.notes.name, Self.notes.sql + " ")
        let refusal = #expect(throws: StoreRefusal.self) { try scratch.open([edited]) }
        #expect(refusal?.description.contains("edited") == true)
        #expect(refusal?.description.contains(Self.notes.name) == true)
    }

    @Test func `a file of a newer Till is refused`() async throws {
        try await migrate([Self.notes, Self.tags])
        let refusal = #expect(throws: StoreRefusal.self) { try scratch.open([Self.notes]) }
        #expect(refusal?.description.contains("newer") == true)
        #expect(refusal?.description.contains(Self.tags.name) == true)
    }

    @Test func `another program's database is refused and keeps its tables`() throws {
        do {
            let raw = try scratch.raw()
            try raw.inDatabase { db in try db.execute(sql: "CREATE TABLE diary (day TEXT); INSERT INTO diary VALUES ('monday')") }
        }
        let refusal = #expect(throws: StoreRefusal.self) { try scratch.open() }
        #expect(refusal?.description.contains("not one of Till's") == true)
        #expect(try tables() == ["diary"])
    }

    @Test func `a step that fails in the middle leaves the old schema`() async throws {
        try await migrate([Self.notes])
        let broken = Migration(Self.tags.name, "CREATE TABLE tags (text TEXT NOT NULL) STRICT; INSERT INTO nowhere VALUES (1)")
        #expect(throws: DatabaseError.self) { try scratch.open([Self.notes, broken]) }
        #expect(try tables() == ["notes", "schema_migrations"])
        // Nothing of it is noted either: the mended step runs.
        try await migrate([Self.notes, Self.tags])
        #expect(try tables() == ["notes", "schema_migrations", "tags"])
    }

    @Test func `steps before a failing one stay`() async throws {
        let broken = Migration("test/3 broken", "SELECT * FROM nowhere")
        #expect(throws: DatabaseError.self) { try scratch.open([Self.notes, Self.tags, broken]) }
        #expect(try tables() == ["notes", "schema_migrations", "tags"])
        try await migrate([Self.notes, Self.tags])
    }

    private func options(_ seen: Recorder, copyTo path: String? = nil) -> Store.Options {
        var options = Store.Options()
        options.beforeMigrating = { unmigrated in
            seen.put(unmigrated.first)
            if let path { try unmigrated.copy(to: path) }
        }
        return options
    }

    @Test func `there is nothing to save before a new file's first steps, nor where nothing is pending`() async throws {
        let seen = Recorder()
        try await migrate([Self.notes], options: options(seen))
        try await migrate([Self.notes], options: options(seen))
        #expect(seen.all == [])
    }

    @Test func `a file that holds something is offered for a copy first, once`() async throws {
        let seen = Recorder()
        do {
            let store = try scratch.open([Self.notes])
            try await store.write { db in try Note.add("old", in: db) }
            try await store.close()
        }
        let third = Migration("test/3 more", "CREATE TABLE more (text TEXT) STRICT")
        try await migrate([Self.notes, Self.tags, third], options: options(seen, copyTo: scratch.path("copy.sqlite")))
        #expect(seen.all == [Self.tags.name])
        #expect(try tables("copy.sqlite") == ["notes", "schema_migrations"])
        let copy = try Store(path: scratch.path("copy.sqlite"), schema: [Self.notes], now: Scratch.now)
        let texts: [String] = try await copy.read { db in try Note.texts(in: db) }
        #expect(texts == ["old"])
    }

    @Test func `where the copy fails nothing is migrated`() async throws {
        try await migrate([Self.notes])
        let taken = scratch.path("taken.sqlite")
        try Data("something".utf8).write(to: URL(fileURLWithPath: taken))
        #expect(throws: DatabaseError.self) { try scratch.open([Self.notes, Self.tags], options: options(Recorder(), copyTo: taken)) }
        #expect(try tables() == ["notes", "schema_migrations"])
    }
}
