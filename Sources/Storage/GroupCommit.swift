import GRDB
import GRDBSQLite
import Kernel
import Synchronization

/// Gathers the writes that wait while the last commit's fsync runs, and commits them together.
///
/// This is what makes one durable file fast: an fsync costs the same for one sale
/// as for fifty. An error rolls back the write that threw it and no other; nobody
/// is answered before the fsync.
///
/// It also runs the checkpoints, between commits, on the same connection: see
/// docs/decisions/0002-one-writer.md.
final class GroupCommit: Sendable {
    /// Most writes in one commit. Bounds the time a commit takes, and so everyone's wait.
    private static let batchMax = 256
    /// Most writes that wait. Beyond it the caller is told to come back.
    private static let waitingMax = 50_000

    private struct Job: Sendable {
        let run: @Sendable (Database) throws -> Void
        let finish: @Sendable (Result<Void, any Error>) -> Void
    }

    private struct State {
        var waiting: [Job] = []
        var isDraining = false
        var stopped: String?
    }

    private let writer: DatabaseQueue
    private let options: Store.Options
    private let state = Mutex(State())
    /// Batches still to be run apart. See `runTogether`.
    private let cautiousBatches = Atomic(0)
    /// Pages in the WAL after the last commit, as SQLite's hook told.
    private let walPages = WALPages()

    init(writer: DatabaseQueue, options: Store.Options) {
        self.writer = writer
        self.options = options
        walPages.follow(writer)
    }

    var stopped: String? { state.withLock { $0.stopped } }

    func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        let value = Box<T>()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let job = Job(run: { db in value.put(try body(db)) }, finish: { continuation.resume(with: $0) })
            let (refusal, starts) = state.withLock { state -> ((any Error)?, Bool) in
                if let reason = state.stopped { return (StoreFailure.stopped(reason), false) }
                if state.waiting.count >= Self.waitingMax { return (Problem(.overloaded, "Too many writes are waiting. Try again."), false) }
                state.waiting.append(job)
                if state.isDraining { return (nil, false) }
                state.isDraining = true
                return (nil, true)
            }
            if let refusal { return continuation.resume(throwing: refusal) }
            if starts { writer.asyncWriteWithoutTransaction { db in self.drain(db) } }
        }
        guard let result = value.take() else { preconditionFailure("a write that succeeded has a value") }
        return result
    }

    private func drain(_ db: Database) {
        while true {
            let (batch, stopped) = state.withLock { state -> ([Job], String?) in
                let batch = Array(state.waiting.prefix(Self.batchMax))
                state.waiting.removeFirst(batch.count)
                if batch.isEmpty { state.isDraining = false }
                return (batch, state.stopped)
            }
            if batch.isEmpty { return }
            if let stopped {
                for job in batch { job.finish(.failure(StoreFailure.stopped(stopped))) }
                continue
            }
            commit(batch, db)
            if walPages.count >= options.checkpointPages { checkpoint(.passive, db) }
        }
    }

    private func commit(_ batch: [Job], _ db: Database) {
        let results: [Result<Void, any Error>]
        do {
            try checkRoom()
            results = try runTogether(batch, db) ?? runApart(batch, db)
        } catch {
            if db.isInsideTransaction { try? db.execute(sql: "ROLLBACK") }
            let failure = classify(error)
            results = Array(repeating: .failure(failure), count: batch.count)
        }
        for (job, result) in zip(batch, results) { job.finish(result) }
    }

    private func checkRoom() throws {
        guard let free = options.freeBytes(), free < options.reserveBytes else { return }
        throw StoreFailure.diskFull("\(free) bytes are free, and \(options.reserveBytes) are kept in reserve.")
    }

    /// The quick way, for when every write succeeds: one transaction and no savepoints, which would keep a copy of
    /// every page that a write changes.
    ///
    /// - Returns: nil where a write threw. Then all is rolled back and nobody has been answered: the batch is run
    ///   again, apart. Writes have no effect but on the file, so running one twice is running it once.
    private func runTogether(_ batch: [Job], _ db: Database) throws -> [Result<Void, any Error>]? {
        guard cautiousBatches.load(ordering: .relaxed) == 0 else {
            cautiousBatches.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        try db.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
        do {
            for job in batch { try job.run(db) }
        } catch {
            if case StoreFailure.stopped = classify(error) { throw error }
            // Gone with the transaction already where the disk is full or broken; run apart, the writes say so themselves.
            if db.isInsideTransaction { try db.cachedStatement(sql: "ROLLBACK").execute() }
            cautiousBatches.store(Self.cautiousBatchesAfterRefusal, ordering: .relaxed)
            return nil
        }
        try db.cachedStatement(sql: "COMMIT").execute()
        return Array(repeating: .success(()), count: batch.count)
    }

    /// Refusals come in crowds, such as fifty buyers of the last unit: after one, savepoints are cheaper for a while.
    private static let cautiousBatchesAfterRefusal = 16

    /// Each write in a savepoint of its own, so that one that throws takes nothing else with it.
    private func runApart(_ batch: [Job], _ db: Database) throws -> [Result<Void, any Error>] {
        try db.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
        var results: [Result<Void, any Error>] = []
        results.reserveCapacity(batch.count)
        for job in batch { results.append(try run(job, db)) }
        try db.cachedStatement(sql: "COMMIT").execute()
        return results
    }

    /// One write in its savepoint. Throws only where SQLite gave up the whole transaction.
    private func run(_ job: Job, _ db: Database) throws -> Result<Void, any Error> {
        try db.cachedStatement(sql: "SAVEPOINT job").execute()
        do {
            try job.run(db)
            try db.cachedStatement(sql: "RELEASE job").execute()
            return .success(())
        } catch {
            // A full disk or an I/O error may have ended the transaction: then the others' work is gone too.
            guard db.isInsideTransaction else { throw error }
            try db.cachedStatement(sql: "ROLLBACK TO job").execute()
            try db.cachedStatement(sql: "RELEASE job").execute()
            return .failure(error is DatabaseError ? classify(error) : error)
        }
    }

    /// What a database error means for callers. A failed fsync stops the store for good.
    private func classify(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        let text = "\(error.extendedResultCode): \(error.message ?? "no message")"
        switch (error.resultCode, error.extendedResultCode) {
        case (_, .SQLITE_IOERR_FSYNC), (_, .SQLITE_IOERR_DIR_FSYNC):
            // After a failed fsync the kernel may have dropped the dirty pages: a second fsync that
            // succeeds proves nothing. Only reopening the file shows what is in it.
            let reason = "fsync failed (\(text)): what was being committed may be there or not"
            stop(reason)
            return StoreFailure.stopped(reason)
        case (.SQLITE_FULL, _): return StoreFailure.diskFull(text)
        case (.SQLITE_IOERR, _), (.SQLITE_CORRUPT, _), (.SQLITE_NOTADB, _), (.SQLITE_READONLY, _), (.SQLITE_CANTOPEN, _):
            return StoreFailure.unknownCommit(text)
        default: return error
        }
    }

    private func stop(_ reason: String) { state.withLock { $0.stopped = $0.stopped ?? reason } }

    /// Moves the WAL's pages into the file. Never waits for readers where `kind` is passive.
    ///
    /// - SeeAlso: <https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>
    private func checkpoint(_ kind: Database.CheckpointMode, _ db: Database) {
        do {
            let result = try db.checkpoint(kind)
            walPages.set(result.walFrameCount - result.checkpointedFrameCount)
        } catch {
            // Out of room or a reader in the way: the WAL keeps growing and the next commit tries again.
            _ = classify(error)
        }
    }

    func checkpointAll() async throws {
        await withCheckedContinuation { continuation in
            writer.asyncWriteWithoutTransaction { db in
                self.drain(db)
                self.checkpoint(.truncate, db)
                continuation.resume()
            }
        }
    }
}

/// Carries a value out of a closure that returns nothing.
private final class Box<T: Sendable>: Sendable {
    private let value = Mutex<T?>(nil)
    func put(_ new: T) { value.withLock { $0 = new } }
    func take() -> T? { value.withLock { $0.take() } }
}

/// How long the WAL is, told by SQLite after each commit.
///
/// - SeeAlso: <https://www.sqlite.org/c3ref/wal_hook.html>
private final class WALPages: Sendable {
    private let pages = Atomic(0)
    var count: Int { pages.load(ordering: .relaxed) }
    func set(_ count: Int) { pages.store(count, ordering: .relaxed) }

    func follow(_ writer: DatabaseQueue) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        writer.inDatabase { db in
            _ = sqlite3_wal_hook(
                db.sqliteConnection,
                { context, _, _, pages in
                    if let context { Unmanaged<WALPages>.fromOpaque(context).takeUnretainedValue().set(Int(pages)) }
                    return 0
                }, context)
        }
    }
}

extension Problem.Code {
    package static let overloaded = Self("overloaded", .unavailable, "Till has more to do than it can", retryable: true)
    package static let diskFull = Self("disk_full", .unavailable, "The disk has no room for new records", retryable: true)
}
