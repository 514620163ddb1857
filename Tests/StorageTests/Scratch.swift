import Foundation
import GRDB
import Kernel
import Simulation
import Storage
import Synchronization

/// A directory for one test's files, removed with it. Keep it in the suite: it must outlive its stores.
final class Scratch: Sendable {
    static let notes = Migration("test/1 notes", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
    static let schema: [Migration] = StorageSchema.migrations + [notes]
    static let name = "till.sqlite"
    static let now = World.simulatedStart

    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String = Scratch.name) -> String { directory.appendingPathComponent(name).path }

    func open(_ schema: [Migration] = Scratch.schema, options: Store.Options = Store.Options()) throws -> Store {
        try Store(path: path(), schema: schema, options: options, now: Scratch.now)
    }

    /// Another way into the file, past everything that `Store` sees to.
    func raw(_ name: String = Scratch.name) throws -> DatabaseQueue { try DatabaseQueue(path: path(name)) }

    /// Empty where there is no such file.
    func bytes(_ name: String = Scratch.name) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path(name)) else { return [] }
        return [UInt8](data)
    }

    /// Whether any file of the store holds `text` as it is.
    func holds(_ text: String) -> Bool {
        let wanted = Data(text.utf8)
        for name in [Scratch.name, Scratch.name + "-wal"] where Data(bytes(name)).range(of: wanted) != nil { return true }
        return false
    }

    func copy(to name: String) throws {
        try FileManager.default.copyItem(atPath: path(), toPath: path(name))
    }

    /// How many commits the WAL holds: its frames that end a transaction.
    ///
    /// - SeeAlso: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
    func commitsInWAL() -> Int {
        let wal = bytes(Scratch.name + "-wal")
        guard wal.count > 32 else { return 0 }
        func number(_ at: Int) -> UInt32 { wal[at..<at + 4].reduce(0 as UInt32) { $0 << 8 | UInt32($1) } }
        let frame = 24 + Int(number(8))
        var commits = 0
        var at = 32
        while at + frame <= wal.count, number(at + 8) == number(16), number(at + 12) == number(20) {
            if number(at + 4) != 0 { commits += 1 }
            at += frame
        }
        return commits
    }
}

/// The rows that these tests write.
enum Note {
    static func add(_ text: String, in db: Database) throws { try db.run("INSERT INTO notes (text) VALUES (?)", [text]) }

    static func count(in db: Database) throws -> Int { try Int.fetchOne(db, sql: "SELECT count(*) FROM notes") ?? 0 }

    static func texts(in db: Database) throws -> [String] { try String.fetchAll(db, sql: "SELECT text FROM notes ORDER BY id") }
}

/// A number that threads share.
final class Tally: Sendable {
    private let number: Atomic<Int64>
    init(_ start: Int64 = 0) { number = Atomic(start) }
    var value: Int64 { number.load(ordering: .sequentiallyConsistent) }
    func add() { number.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    func set(_ value: Int64) { number.store(value, ordering: .sequentiallyConsistent) }

    /// Blocks the thread; for the inside of a transaction, which cannot suspend.
    func block(until target: Int64) { while value < target { Thread.sleep(forTimeInterval: 0.001) } }
}

/// Texts that closures leave behind.
final class Recorder: Sendable {
    private let texts = Mutex<[String]>([])
    func put(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

/// What a write throws on purpose.
struct Refused: Error, Equatable { let number: Int }
