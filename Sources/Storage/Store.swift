import Foundation
import GRDB
import GRDBSQLite
import Kernel
import Synchronization

/// One SQLite file: a single connection that writes and checkpoints, a few that read.
///
/// Opening turns WAL and `synchronous=FULL` on and reads both back: a store that
/// is open is durable. Only one process can have it open; a second one is refused
/// by the lock file beside it.
///
/// - SeeAlso: <https://www.sqlite.org/wal.html>
package final class Store: Sendable {
    package let path: String
    private let writer: DatabaseQueue
    private let readers: [DatabaseQueue]
    private let lookers: [DatabaseQueue]
    private let turn = Atomic(0)
    private let lock: FileLock
    private let commits: GroupCommit

    /// What a store is opened with.
    package struct Options: Sendable {
        /// Connections that only read. Each is a thread when busy.
        package var readerCount = 2
        /// Bytes that stay free on the disk: below it, writes are refused and reads go on.
        package var reserveBytes: Int64 = 0
        /// Asks how much is free, or nil where that is not known.
        package var freeBytes: @Sendable () -> Int64? = { nil }
        /// WAL size at which the writer checkpoints, in pages of 4 KiB.
        package var checkpointPages = 3_000
        /// Called once before pending migrations touch a file that holds something.
        package var beforeMigrating: @Sendable (Store.Unmigrated) throws -> Void = { _ in }
        package init() {}
    }

    /// Opens the file at `path`, creating it if absent, and brings its tables up to `schema`.
    ///
    /// - Throws: `StoreRefusal` where another process has it, its schema is newer
    ///   than this binary, a released migration was edited, or the file cannot be
    ///   made durable.
    package init(path: String, schema: [Migration], options: Options = Options(), now: Timestamp) throws {
        self.path = path
        lock = try FileLock(path: path + ".lock")
        writer = try DatabaseQueue(path: path, configuration: Self.writing())
        let pending = try writer.inDatabase { db in try Migrator.pending(schema, in: db) }
        if let first = pending.first {
            if pending.count < schema.count { try options.beforeMigrating(Unmigrated(queue: writer, first: first.name)) }
            for migration in pending { try writer.inDatabase { db in try Migrator.apply(migration, at: now, in: db) } }
        }
        commits = GroupCommit(writer: writer, options: options)
        readers = try (0..<max(1, options.readerCount)).map { _ in try DatabaseQueue(path: path, configuration: Self.reading()) }
        lookers = try (0..<Self.lookerCount).map { _ in try DatabaseQueue(path: path, configuration: Self.reading()) }
    }

    /// A file about to be migrated, for taking a snapshot of it.
    package struct Unmigrated {
        fileprivate let queue: DatabaseQueue
        /// The first migration that is missing.
        package let first: String

        /// Writes a compact, consistent copy to `path`, which must not exist.
        ///
        /// - SeeAlso: <https://www.sqlite.org/lang_vacuum.html#vacuuminto>
        package func copy(to path: String) throws {
            try queue.inDatabase { db in try db.execute(sql: "VACUUM INTO ?", arguments: [path]) }
        }
    }

    private static func writing() -> Configuration {
        var configuration = Configuration()
        configuration.label = "till.writer"
        configuration.prepareDatabase { db in
            // FULL, not NORMAL: in WAL mode NORMAL syncs at checkpoints only, and a power cut would take
            // acknowledged sales with it. <https://www.sqlite.org/pragma.html#pragma_synchronous>
            let journal = try String.fetchAll(db, sql: "PRAGMA journal_mode = WAL").last
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // Without this, INSERT OR REPLACE would slip past the delete triggers.
            try db.execute(sql: "PRAGMA recursive_triggers = ON")
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            // Checkpoints run between commits, where an error of theirs is seen and not swallowed.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            try db.execute(sql: "PRAGMA cache_size = -32000")
            // A savepoint keeps the pages it changes; without this they would go through a temporary file for every write.
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            let foreignKeys = try Int.fetchOne(db, sql: "PRAGMA foreign_keys")
            guard journal == "wal", synchronous == 2, foreignKeys == 1 else {
                throw StoreRefusal(
                    "The file would not be durable: journal_mode is \(journal ?? "unknown"), synchronous \(synchronous ?? -1), "
                        + "foreign_keys \(foreignKeys ?? -1); Till needs wal, 2 and 1.")
            }
        }
        return configuration
    }

    private static func reading() -> Configuration {
        var configuration = Configuration()
        configuration.label = "till.reader"
        configuration.readonly = true
        // Only at the moment of recovery or closing can a reader find the file busy.
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            try db.execute(sql: "PRAGMA cache_size = -8000")
        }
        return configuration
    }

    /// Runs `body` in a savepoint of the next group commit, and returns once that
    /// commit is on the disk.
    ///
    /// `body` cannot suspend, so nothing else writes meanwhile, and a network call
    /// inside it is impossible. What it throws rolls back its own savepoint alone.
    ///
    /// - Throws: what `body` threw, or `StoreFailure`.
    package func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        try await commits.write(body)
    }

    /// Runs `body` on a snapshot of everything committed so far.
    package func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        let reader = readers[turn.wrappingAdd(1, ordering: .relaxed).oldValue % readers.count]
        return try await reader.read(body)
    }

    /// As many as processors of a small machine: each is held for microseconds.
    private static let lookerCount = 4

    /// Looks up a few rows by their keys, right here: no other thread, no transaction.
    ///
    /// Each statement sees what is committed when it runs. For what every request
    /// asks; whatever lists, scans or must be consistent takes `read`, whose
    /// connections are others, so that a long answer never holds up a short one.
    package func look<T>(_ body: (Database) throws -> T) throws -> T {
        let looker = lookers[turn.wrappingAdd(1, ordering: .relaxed).oldValue % lookers.count]
        return try looker.inDatabase(body)
    }

    /// Why writing has stopped for good, or nil. Set after a failed fsync: what is
    /// in the file can no longer be known, so the process must end and reopen it.
    package var stopped: String? { commits.stopped }

    /// Finishes what is waiting, empties the WAL into the file and closes it.
    package func close() async throws {
        try await commits.checkpointAll()
        for reader in readers + lookers { try reader.close() }
        try writer.close()
    }

    /// The library's version, such as `3.40.1`.
    package static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}

/// The file cannot be opened, and why. For the operator: start-up ends here.
package struct StoreRefusal: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The database failed. Never shown to a caller as it is: see `ProblemResponses`.
package enum StoreFailure: Error, Sendable {
    /// No room on the disk. Nothing was written; the same request may succeed later.
    case diskFull(String)
    /// A commit returned an error: it may be there after a crash or not. Ask again with the same key.
    case unknownCommit(String)
    /// Writing has stopped for good. The process ends.
    case stopped(String)
}

/// A lock that ends with the process, whatever ends it.
///
/// - SeeAlso: flock(2)
private final class FileLock: Sendable {
    private let descriptor: CInt

    init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreRefusal("\(path) cannot be opened: \(String(cString: strerror(errno))).") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StoreRefusal("Another Till has this data file open (\(path) is locked). Stop it first, or name another file with --data.")
        }
    }

    deinit { close(descriptor) }
}
